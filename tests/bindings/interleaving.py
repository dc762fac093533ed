"""Transactions of several sessions, one step at a time, where a step may have to wait for another session."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2

from tests.support.database import wait_until_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.database import Session

_PATIENCE = 30.0
_BLOCKED = "select cardinality(pg_blocking_pids(%s)) > 0"
# No savepoint to go back to, no transaction to end.
_NO_MATTER = {"3B001", "25P01"}
_TRY_AGAIN = {"40001", "40P01", "23505"}


@dataclass
class Player:
    """An application: a session, and where it stands.

    Attributes:
        session: its session.
        level: the isolation level of its open transaction; NULL: it has none.
        events_only: whether the open transaction changed events and nothing else, and locked nothing before its commit.
        alone: whether no other transaction that was open meanwhile did more than that.
        statements: what the open transaction has done.
        waiting: the statement that waits for a lock.
        failed: transactions that have to be tried again.
    """

    session: Session
    level: str | None = None
    events_only: bool = True
    alone: bool = True
    statements: list[str] = field(default_factory=list)
    waiting: Future[Any] | None = None
    failed: list[list[str]] = field(default_factory=list)


class Game:
    """Steps of some sessions, in the order in which they are asked for.

    Args:
        observer: a session that sees who waits.
        sessions: those of the players; one that is terminated gives way to another in this list.
        connect: what makes that one.
        deadlocks: whether transactions that only change events may deadlock with each other.
    """

    def __init__(
        self, observer: Session, sessions: list[Session], connect: Callable[[], Session], *, deadlocks: bool
    ) -> None:
        self._observer = observer
        self._sessions = sessions
        self._connect = connect
        self._deadlocks = deadlocks
        self.players = [Player(each) for each in sessions]

    def step(self, who: int, statement: str, *, events_only: bool) -> None:
        """Has a player run a statement; one that waits for a lock still does, and then nothing is run."""
        player = self.players[who]
        if player.waiting and not self._came_back(player):
            return
        if statement.startswith("begin"):
            if player.level is not None:
                return
            player.level = statement.removeprefix("begin isolation level ")
        player.statements.append(statement)
        player.events_only &= events_only
        if not all(each.events_only for each in self.players):
            for each in self.players:
                each.alone = False
        player.waiting = player.session.start(statement)
        self._came_back(player)

    def terminate(self, who: int) -> None:
        """Ends the session of one that waits for a lock, else a player's transaction; it goes on with a new session."""
        who = next((number for number, each in enumerate(self.players) if each.waiting), who)
        player = self.players[who]
        if not player.waiting and player.level is None:
            return
        gone = player.session
        self._observer.run("select pg_terminate_backend(%s)", gone.pid)
        wait_until_gone(self._observer, gone.pid)
        if player.waiting:
            wait([player.waiting], timeout=_PATIENCE)
            error = player.waiting.exception()
            # What it waited for may have come just before.
            assert error is None or isinstance(error, psycopg2.Error), error
            player.waiting = None
        gone.close()
        player.session = self._sessions[who] = self._connect()
        self._ended(player)

    def finish(self) -> None:
        """Ends all transactions, and then tries those again, alone, that failed because of others."""
        deadline = time.monotonic() + _PATIENCE
        while any(each.level or each.waiting for each in self.players):
            assert time.monotonic() < deadline, "some transactions wait for each other for ever"
            for number, each in enumerate(self.players):
                if each.waiting:
                    self._came_back(each)
                elif each.level:
                    self.step(number, "commit", events_only=True)
        for each in self.players:
            for statements in each.failed:
                _again(each.session, statements)

    def abandon(self) -> None:
        """Rolls back what is left, where something has gone wrong."""
        deadline = time.monotonic() + _PATIENCE
        while any(each.level or each.waiting for each in self.players):
            assert time.monotonic() < deadline, "some transactions wait for each other for ever"
            for each in self.players:
                if each.waiting and not wait([each.waiting], timeout=0.002).done:
                    continue
                each.waiting = each.level = None
                each.session.run("rollback")

    def _came_back(self, player: Player) -> bool:
        """Returns when a player's statement is over, or when it waits for a lock: whether it is over."""
        assert player.waiting is not None
        while not wait([player.waiting], timeout=0.002).done:
            if self._observer.value(_BLOCKED, player.session.pid):
                return False
        error = player.waiting.exception()
        player.waiting = None
        if error is not None:
            self._failed(player, error)
        elif player.statements[-1] in ("commit", "rollback") or player.level is None:
            self._ended(player)
        return True

    def _failed(self, player: Player, error: BaseException) -> None:
        if not isinstance(error, psycopg2.Error) or error.pgcode not in _NO_MATTER | _TRY_AGAIN:
            raise error
        if error.pgcode == "40P01" and not self._deadlocks:
            assert not player.alone, error
        if error.pgcode == "40001" and player.level in (None, "read committed"):
            raise error
        if error.pgcode == "23505" and player.events_only:
            raise error
        if error.pgcode in _TRY_AGAIN:
            player.failed.append(player.statements)
        player.session.run("rollback")
        self._ended(player)

    def _ended(self, player: Player) -> None:
        player.level, player.statements = None, []
        player.events_only = True
        if all(each.events_only for each in self.players):
            for each in self.players:
                each.alone = each.level is None and each.waiting is None


def _again(session: Session, statements: Sequence[str]) -> None:
    """Runs a transaction whose end may not have been reached."""
    for each in statements:
        session.run(each)
    if statements[0].startswith("begin") and statements[-1] != "commit":
        session.run("commit")
