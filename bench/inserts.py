"""Events as an application inserts them, beside the same inserts with a trigger by hand that only counts."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .attached import CLERK, attached, check, count_each, make, sweep
from .customers import predictors
from .figure import Detail, ratio
from .pairs import in_turn, spread
from .single_row import Transactions

if TYPE_CHECKING:
    from collections.abc import Callable

    from .attached import Pair
    from .field import Field
    from .figure import Measured
    from .setting import Session

_WARM_UP = 12
_BLOCKS = 3
_SIZE = 20
_TEN = 10


@dataclass(frozen=True)
class Shape:
    """What a transaction of the application is.

    Attributes:
        name: for names of tables and statements.
        rows: that one statement inserts, all for one customer.
        statements: in one transaction; a single one is sent without BEGIN and COMMIT.
    """

    name: str
    rows: int = 1
    statements: int = 1

    def statement(self, pair: Pair) -> str:
        """The statement: rows for customer `$1`."""
        return pair.insert + ", ($1)" * (self.rows - 1)


ONE = Shape("one")
TEN_STATEMENTS = Shape("ten_statements", statements=_TEN)
TEN_ROWS = Shape("ten_rows", rows=_TEN)


class Client:
    """Transactions over a connection, each statement a message of its own, as the client sees them.

    Counted are psycopg2 as applications and ORMs use it (the INSERT's text, parsed and planned each time), TCP on
    127.0.0.1 without TLS, the event with its index and its foreign key, the trigger and the commit.
    """

    def __init__(self, session: Session, statement: str, statements: int) -> None:
        self._session = session
        self._random = random.Random(0)  # noqa: S311  the same customers for both sides
        self._statement = statement.replace("$1", "%(customer)s")
        self._statements = statements
        self._seconds(_WARM_UP)

    def measure(self) -> float:
        """Runs three blocks; seconds for each transaction of the fastest, which was interrupted least."""
        return min(self._seconds(_SIZE) for _ in range(_BLOCKS))

    def _seconds(self, size: int) -> float:
        customers = [{"customer": self._random.randint(1, len(predictors()))} for _ in range(size)]
        start = time.perf_counter()
        for each in customers:
            self._transaction(each)
        return (time.perf_counter() - start) / size

    def _transaction(self, customer: dict[str, int]) -> None:
        if self._statements == 1:
            self._session.run(self._statement, customer)
            return
        self._session.run("begin")
        for _ in range(self._statements):
            self._session.run(self._statement, customer)
        self._session.run("commit")


def compare(model: str, timing: str, shape: Shape = ONE) -> Callable[[Field], list[Measured]]:
    """Time of a transaction with an attached table, divided by its time with a counting trigger for each row."""
    return partial(_compare, model, timing, shape)


def _compare(model: str, timing: str, shape: Shape, field: Field) -> list[Measured]:
    field.ours(model)
    name = f"{model}_{timing}_{shape.name}"
    with field.server.session() as owner, field.server.session() as session:
        ours, counting = (make(owner, f"{name}_{side}", len(predictors())) for side in ("attached", "counting"))
        count_each(owner, counting)
        with attached(owner, ours, model, timing):
            session.run(f"set role {CLERK}")
            outside, inside = (
                _measured(field, owner, session, (ours, counting), shape, within=within) for within in (False, True)
            )
            check(owner, ours, model)
            session.run("deallocate all")
    ratios = spread([mine / theirs for mine, theirs in inside])
    return ratio(
        [mine / theirs for mine, theirs in outside],
        [
            *times("over a connection", outside),
            Detail("inside the server, without network and client", ratios, ""),
            *times("inside the server", inside),
        ],
        f"{ratios.median:.2f} inside the server",
    )


def _measured(
    field: Field, owner: Session, session: Session, pairs: tuple[Pair, Pair], shape: Shape, *, within: bool
) -> list[tuple[float, ...]]:
    """Seconds for a transaction of each of two sides, in turn."""
    sweep(owner, *pairs)
    sides: list[Transactions | Client] = []
    for number, pair in enumerate(pairs):
        statement = shape.statement(pair)
        if within:
            sides.append(Transactions(session, f"within_{number}", statement, shape.statements))
        else:
            sides.append(Client(session, statement, shape.statements))
    return in_turn([side.measure for side in sides], field.effort.single)


def times(
    where: str, found: list[tuple[float, ...]], names: tuple[str, str] = ("pgscore", "counting trigger")
) -> list[Detail]:
    """What a ratio of two sides was made of: seconds for a transaction of each, in turn."""
    return [
        Detail(f"{name}, {where}", spread([each[side] for each in found]).times(1e6), "µs for a transaction")
        for side, name in enumerate(names)
    ]
