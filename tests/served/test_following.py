"""What answers is followed: promotions, rollbacks, bindings, a database that goes away and comes back, a pooler."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pgscore
import psycopg
import psycopg2
import pytest
from pgscore.errors import DeniedError, UnreachableError
from pgscore.served import Follower, Served

from tests.bindings import shop
from tests.support.database import ANALYST, NOBODY, Database, Session
from tests.support.pooler import pooler

if TYPE_CHECKING:
    from examples.server.cluster import PrivateCluster

_PATIENCE = 30.0
# Long enough that what is found before was told.
_LONG = 600.0
_SHORT = 0.1
_ROW = {"Age": 3, "n": 2, "billed": 1, "Total": 3.5}


class Heard:
    """What a follower tells, and waiting for it."""

    def __init__(self) -> None:
        self.states: list[Served] = []
        self.gone: list[str] = []
        self.lost: list[str] = []
        self._told = threading.Condition()

    def follow(self, dsn: str, models: list[str] | None = None, interval: float = _LONG) -> Follower:
        return Follower(dsn, models, interval=interval, changed=self._changed, gone=self._gone, lost=self._lost)

    def wait(self, condition: Any) -> None:  # noqa: ANN401
        with self._told:
            assert self._told.wait_for(condition, _PATIENCE), (self.states, self.gone, self.lost)

    def wait_for_version(self, version: int | None) -> None:
        self.wait(lambda: self.states and self.states[-1].version == version)

    def _changed(self, served: Served) -> None:
        with self._told:
            self.states.append(served)
            self._told.notify_all()

    def _gone(self, model: str) -> None:
        with self._told:
            self.gone.append(model)
            self._told.notify_all()

    def _lost(self, sentence: str, _pause: float) -> None:
        with self._told:
            self.lost.append(sentence)
            self._told.notify_all()


def _agrees(served: Served | None, session: Session) -> None:
    """The bundle gives what the database gives, to the last digits."""
    assert served is not None
    assert served.bundle is not None
    assert served.problem is None
    score = session.value("select pgscore.score('shop', %s::jsonb)", json.dumps(_ROW))
    assert served.bundle.score(_ROW) == pytest.approx(score, rel=0, abs=1e-15)
    assert served.bundle.version == session.value("select serving from pgscore.model where name = 'shop'")


@pytest.fixture
def session(shopping: Database) -> Session:
    return shopping.session()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def another(shopping: Database) -> int:
    """A second version."""
    return shop.publish_another(shopping.dsn())


def test_a_promotion_and_a_rollback_are_told(shopping: Database, session: Session, heard: Heard, another: int) -> None:
    with heard.follow(shopping.dsn(ANALYST), ["shop"]) as follower:
        follower.start()
        _agrees(follower.get("shop"), session)
        session.run("select pgscore.promote('shop', %s)", another)
        heard.wait_for_version(another)
        _agrees(follower.get("shop"), session)
        session.run("select pgscore.rollback('shop')")
        heard.wait_for_version(1)
        # What was answering and is retired changes nothing, and what is not committed is not told.
        session.run("select pgscore.retire('shop', %s)", another)
        session.run("begin")
        session.run("select pgscore.promote('shop', 1)")
        session.run("rollback")
        _agrees(follower.get("shop"), session)
        assert [each.version for each in heard.states] == [1, another, 1]
        assert list(follower.served) == ["shop"]
        assert not heard.lost


def test_all_models_are_followed_and_new_ones_found(shopping: Database, session: Session, heard: Heard) -> None:
    with heard.follow(shopping.dsn(ANALYST), interval=_SHORT) as follower:
        follower.start()
        assert sorted(follower.served) == ["churn", "shop"]
        published = pgscore.publish(shopping.dsn(), "other", shop.model(0.1), golden=shop._golden())
        heard.wait(lambda: heard.states[-1].model == "other")
        assert heard.states[-1].problem == 'model "other" has no promoted version'
        session.run("select pgscore.promote('other', %s)", published.version)
        heard.wait_for_version(1)
        assert follower.get("nothing") is None


def test_bindings_are_followed(shopping: Database, session: Session, heard: Heard) -> None:
    with heard.follow(shopping.dsn(ANALYST), ["shop"], interval=_SHORT) as follower:
        follower.start()
        name = shop.attach(session)
        heard.wait(lambda: heard.states[-1].bindings)
        served = heard.states[-1]
        assert served.bundle is not None
        assert served.bundle.bindings == (name,)
        reduced = served.bundle.reduce({"n": 1}, [{}], columns=["n"])
        assert reduced == {"n": 2}
        shop.detach(session)
        heard.wait(lambda: not heard.states[-1].bindings)
        # A table that is gone: its binding is named, and the model answers.
        shop.attach(session)
        heard.wait(lambda: heard.states[-1].bindings)
        shop.run_as_owner(session, f'alter table {shop.EVENTS} drop column "Kind" cascade')
        follower.look()
        session.run("update pgscore.binding set log = not log")
        heard.wait(lambda: heard.states[-1].refused)
        assert list(heard.states[-1].refused) == [name]
        _agrees(follower.get("shop"), session)


def test_a_database_that_goes_away_and_comes_back(
    shopping: Database, session: Session, heard: Heard, another: int
) -> None:
    name = shopping.name
    with heard.follow(shopping.dsn(ANALYST), ["shop"]) as follower:
        follower.start()
        session.run(f"alter database {name} connection limit 0")
        _terminate(session)
        heard.wait(lambda: heard.lost)
        assert not follower.connected
        served = follower.get("shop")
        assert served is not None
        assert served.version == 1
        session.run("select pgscore.promote('shop', %s)", another)
        session.run(f"alter database {name} connection limit -1")
        heard.wait_for_version(another)
        _agrees(follower.get("shop"), session)
        # And it is told again.
        session.run("select pgscore.rollback('shop')")
        heard.wait_for_version(1)
        assert follower.connected


def test_one_that_starts_while_the_database_is_away(shopping: Database, session: Session, heard: Heard) -> None:
    session.run(f"alter database {shopping.name} connection limit 0")
    with heard.follow(shopping.dsn(ANALYST)) as follower, pytest.raises(UnreachableError):
        follower.start()
    with heard.follow(shopping.dsn(ANALYST)) as follower:
        follower.start(wait=_SHORT)
        heard.wait(lambda: heard.lost)
        assert follower.served == {}
        session.run(f"alter database {shopping.name} connection limit -1")
        heard.wait(lambda: len(heard.states) == 2)


def test_who_may_not_read_is_told(shopping: Database, heard: Heard) -> None:
    with heard.follow(shopping.dsn(NOBODY)) as follower, pytest.raises(DeniedError):
        follower.start()


def test_through_pgbouncer_in_transaction_mode(
    cluster: PrivateCluster, shopping: Database, session: Session, heard: Heard, another: int
) -> None:
    with (
        pooler(cluster, shopping.name, 1, ANALYST) as address,
        heard.follow(address, ["shop"], interval=_SHORT) as follower,
    ):
        follower.start()
        session.run("select pgscore.promote('shop', %s)", another)
        heard.wait_for_version(another)
        _agrees(follower.get("shop"), session)
        # Whoever has the connection next is told nothing.
        other = psycopg2.connect(address)
        with other, other.cursor() as cursor:
            cursor.execute("select count(*) from pg_listening_channels()")
            assert cursor.fetchone() == (0,)
        other.close()


@pytest.mark.parametrize(
    "steps",
    [
        ["{promote}"],
        ["set constraints all immediate", "{promote}"],
        ["{promote}", "set constraints all immediate"],
        ["set constraints all immediate; {promote}", "set constraints all deferred"],
    ],
    ids=["deferred", "immediate before", "immediate after", "in one message"],
)
def test_a_release_that_is_prepared_is_found(
    shopping: Database, session: Session, heard: Heard, another: int, steps: list[str]
) -> None:
    with heard.follow(shopping.dsn(ANALYST), ["shop"], interval=_SHORT) as follower:
        follower.start()
        session.run("begin")
        for step in steps:
            session.run(step.format(promote=f"select pgscore.promote('shop', {another})"))
        session.run("prepare transaction 'a release'")
        assert session.value("select serving from pgscore.model where name = 'shop'") == 1
        session.run("commit prepared 'a release'")
        heard.wait_for_version(another)


_PROMOTED = "select pgscore.promote('shop', 2)"


@pytest.mark.parametrize(
    ("statements", "is_simple"),
    [
        ([_PROMOTED], True),
        ([_PROMOTED], False),
        (["begin", _PROMOTED, "commit"], True),
        (["begin", _PROMOTED, "Commit Work And Chain;", "rollback"], False),
        ([f"begin; {_PROMOTED}; end"], True),
        (["call public.promoted()"], True),
    ],
    ids=["alone", "alone, extended", "block", "block, extended", "one message", "procedure"],
)
def test_a_release_is_told_also_where_transactions_can_be_prepared(
    shopping: Database, session: Session, another: int, statements: list[str], *, is_simple: bool
) -> None:
    """Of the two protocols of PostgreSQL, which say in different moments which command it is."""
    assert (another, session.value("show max_prepared_transactions")) == (2, "4")
    session.run(
        "create procedure public.promoted() language plpgsql"
        f" as $$ begin perform 1; commit; perform pgscore.promote('shop', {another}); end $$"
    )
    with psycopg.connect(shopping.dsn(), autocommit=True) as listener:
        listener.execute("listen pgscore_release")
        with psycopg.connect(shopping.dsn(), autocommit=True) as caller:
            for each in statements:
                if is_simple:
                    caller.pgconn.exec_(each.encode())
                else:
                    caller.pgconn.exec_params(each.encode(), [])
        told = [json.loads(each.payload) for each in listener.notifies(timeout=_PATIENCE, stop_after=1)]
    assert told == [{"model": "shop", "version": 2}]


def test_a_version_that_is_no_program_says_so(opaque: Database, heard: Heard) -> None:
    with heard.follow(opaque.dsn(ANALYST)) as follower:
        follower.start()
        served = follower.get("churn")
        assert served is not None
        assert (served.version, served.bundle) == (3, None)
        assert served.problem is not None
        assert "is no program" in served.problem
        assert served.contract is not None


def test_what_is_tried_once_more_is_told_where_it_is_another(
    shopping: Database, session: Session, heard: Heard, another: int
) -> None:
    published = pgscore.publish(shopping.dsn(), "other", shop.model(0.1), golden=shop._golden())
    with heard.follow(shopping.dsn(ANALYST)) as follower:
        follower.start()
        follower.look()
        session.run("select pgscore.promote('shop', %s)", another)
        heard.wait_for_version(another)
    assert [each.version for each in heard.states if each.model == "other"] == [None]
    assert published.version == 1


def test_a_fault_does_not_end_it(shopping: Database, session: Session, heard: Heard, another: int) -> None:
    faults = [KeyError("a fault")]

    def changed(served: Served) -> None:
        if faults:
            raise faults.pop()
        heard._changed(served)

    with Follower(shopping.dsn(ANALYST), ["shop"], interval=_SHORT, changed=changed, lost=heard._lost) as follower:
        follower.start(wait=_PATIENCE)
        heard.wait_for_version(1)
        assert heard.lost == ["a fault of pgscore: KeyError('a fault')"]
        session.run("select pgscore.promote('shop', %s)", another)
        heard.wait_for_version(another)
        assert follower.connected


def _terminate(session: Session) -> None:
    session.run(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'pgscore' and datname = current_database() and pid <> pg_backend_pid()"
    )
