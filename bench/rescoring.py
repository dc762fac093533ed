"""All profiles scored anew: `pgscore.rescore` beside COPY out, `predict_proba`, COPY in, and beside orbital's query."""

from __future__ import annotations

import io
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
import pgscore

from . import orbital_sql
from .attached import COUNTER, OWNER, SPACE, attach, check, detach, fill, make
from .customers import declared
from .figure import Detail, Measured, ratio
from .models import fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .attached import Pair
    from .field import Field
    from .setting import Session

_PAIRS = 3
# As servers have it: a new table is filled by one statement, for which the database may take workers of its own.
_PARALLEL = "max_parallel_workers_per_gather=2"
_OPTIONS = f"-c statement_timeout=0 -c role={OWNER} -c {_PARALLEL}"


class Table:
    """A profile table of which no row has a score, and each way to score all of them.

    Args:
        field: where it is measured.
        session: a superuser's.
        model: the model, which serves.
    """

    def __init__(self, field: Field, session: Session, model: str) -> None:
        field.ours(model)
        self.rows = field.effort.rescored
        self._session = session
        self._model = model
        # It belongs to a role that is no superuser, and which calls.
        self._dsn = f"{field.server.dsn.partition('?')[0]}?options={quote(_OPTIONS)}"
        session.run(f"set statement_timeout = 0; set {_PARALLEL}")
        self.pair: Pair = make(session, f"{model}_rescored", 0)
        attach(session, self.pair, model, "commit")
        fill(session, self.pair, self.rows)

    def rescored(self, workers: int, *, into: bool = False) -> float:
        """Seconds of pgscore.rescore: in place, or into a table that it makes."""
        rescore = getattr(pgscore, "rescore", None)
        if rescore is None:
            raise pgscore.PgscoreError("this release has no rescore")
        self._reset()
        given: dict[str, Any] = {"workers": workers}
        if into:
            given["into"] = f"{SPACE}.{self._model}_target"
            self._session.run(f"drop table if exists {given['into']}")
        start = time.perf_counter()
        rescore(self._dsn, self._model, self.pair.profile, **given)
        took = time.perf_counter() - start
        if not into:
            check(self._session, self.pair, self._model)
        return took

    def copied(self, *, into: bool = False) -> float:
        """Seconds of COPY out, a DataFrame, predict_proba and COPY in; in place by one UPDATE, without triggers."""
        self._reset()
        names = ", ".join(declared())
        start = time.perf_counter()
        rows = io.StringIO()
        query = f"select id, {names} from {self.pair.profile}"  # noqa: S608  our own names
        self._session.copy(f"copy ({query}) to stdout with (format csv, header)", rows)
        rows.seek(0)
        frame = pd.read_csv(rows, index_col="id")
        scores = pd.Series(fitted(self._model).predict_proba(frame)[:, 1], frame.index)
        lines = io.StringIO(scores.to_csv(header=False))
        self._session.run("drop table if exists bench.scored; create table bench.scored (id integer, score float8)")
        self._session.copy("copy bench.scored from stdin with (format csv)", lines)
        if into:
            self._session.run("alter table bench.scored add primary key (id)")
        else:
            self._session.run("set session_replication_role = 'replica'")
            self._session.run(
                f"update {self.pair.profile} p set score = s.score, version = 1"  # noqa: S608  our own names
                " from bench.scored s where s.id = p.id"
            )
            self._session.run("reset session_replication_role")
        return time.perf_counter() - start

    def by_orbital(self) -> float:
        """Seconds of the table that is made of orbital's query: scores without keys, of which it has none."""
        self._session.run("drop table if exists bench.orbital")
        made = orbital_sql.query(self._model, self.pair.profile)
        return self._session.seconds(f"create table bench.orbital as {made}")

    def drop(self) -> None:
        """Detaches and drops it."""
        detach(self._session, self.pair)
        self._session.run(f"drop table {self.pair.events}, {self.pair.profile} cascade")
        self._session.run("reset statement_timeout; reset max_parallel_workers_per_gather")

    def _reset(self) -> None:
        self._session.run("set session_replication_role = 'replica'")
        self._session.run(
            f"update {self.pair.profile} set score = null, version = null, {COUNTER} = 0"  # noqa: S608  our own names
            " where version is not null"
        )
        self._session.run("reset session_replication_role")
        self._session.run(f"vacuum analyze {self.pair.profile}")


def against_copied(model: str, *, into: bool = False) -> Callable[[Field], list[Measured]]:
    """Profiles in a second through pgscore.rescore, divided by those of COPY out and in."""
    return partial(
        _compare,
        model,
        {
            "pgscore.rescore": lambda table: table.rescored(1, into=into),
            "COPY out, predict_proba, COPY in": lambda table: table.copied(into=into),
        },
    )


def against_orbital(model: str) -> Callable[[Field], list[Measured]]:
    """Profiles in a second through pgscore.rescore into a table, divided by those of a table made by orbital."""
    return partial(
        _compare,
        model,
        {"pgscore.rescore": lambda table: table.rescored(1, into=True), "orbital": lambda table: table.by_orbital()},
    )


def workers(model: str) -> Callable[[Field], list[Measured]]:
    """Profiles in a second through pgscore.rescore with two workers, divided by those with one."""
    return partial(
        _compare,
        model,
        {"two workers": lambda table: table.rescored(2), "one worker": lambda table: table.rescored(1)},
    )


def _compare(model: str, sides: dict[str, Callable[[Table], float]], field: Field) -> list[Measured]:
    with field.server.session() as session:
        table = Table(field, session, model)
        try:
            found = in_turn([partial(side, table) for side in sides.values()], _PAIRS)
        finally:
            table.drop()
    return ratio(
        [theirs / ours for ours, theirs in found],
        [
            Detail(name, spread([table.rows / each[side] for each in found]), f"profiles/s, of {table.rows:,}")
            for side, name in enumerate(sides)
        ],
        f"{_PARALLEL} on both sides",
    )
