"""One transaction of many statements, as an ORM sends them: each inserts one event, each of another customer."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from .attached import CLERK, attached, check, count_each, make, sweep
from .figure import Detail, Measured
from .inserts import times
from .models import LINEAR
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from .attached import Pair
    from .field import Field
    from .setting import Session

_FEW, _MANY = 1_000, 8_000
_CUSTOMERS = _MANY


class Transaction:
    """A transaction of so many statements, for customers in random order; its COMMIT is part of it.

    Args:
        owner: a superuser's connection, which cleans up between transactions.
        session: the application's.
        pair: the tables.
        statements: how many.
        within: whether they go to the server in one string; else each is a message of its own.
    """

    def __init__(self, owner: Session, session: Session, pair: Pair, statements: int, *, within: bool) -> None:
        self._owner = owner
        self._session = session
        self._pair = pair
        draw = random.Random(0)  # noqa: S311  the same customers for both sides
        customers = draw.sample(range(1, _CUSTOMERS + 1), statements)
        inserts = [pair.insert.replace("$1", str(each)) for each in customers]
        self._messages = ["begin", *inserts, "commit"]
        if within:
            self._messages = ["; ".join(self._messages)]

    def measure(self) -> float:
        """Seconds of the transaction; what an earlier one left dead is removed first."""
        sweep(self._owner, self._pair)
        start = time.perf_counter()
        for message in self._messages:
            self._session.run(message)
        return time.perf_counter() - start


def compare(field: Field) -> list[Measured]:
    """Time of such transactions with a table attached with `commit`, divided by that with the counting trigger."""
    field.ours(LINEAR)
    # The quick set takes half as many: whether time grows with the square of them shows as well.
    sizes = (_FEW, min(_MANY, 2 * field.effort.customers))
    with field.server.session() as owner, field.server.session() as session:
        ours, counting = (make(owner, f"many_{side}", _CUSTOMERS) for side in ("attached", "counting"))
        count_each(owner, counting)
        with attached(owner, ours, LINEAR, "commit"):
            session.run(f"set role {CLERK}")
            measured = [_compare(field, owner, session, (ours, counting), size) for size in sizes]
            check(owner, ours, LINEAR)
    return measured


def _compare(field: Field, owner: Session, session: Session, pairs: tuple[Pair, Pair], size: int) -> Measured:
    outside, inside = (
        in_turn(
            [Transaction(owner, session, pair, size, within=within).measure for pair in pairs],
            field.effort.bulk,
            field.effort.seconds,
        )
        for within in (False, True)
    )
    ratios = spread([mine / theirs for mine, theirs in inside])
    return Measured(
        spread([mine / theirs for mine, theirs in outside]),
        part=f"{size:,}",
        note=f"{ratios.median:.2f} inside the server",
        details=[
            *times("over a connection", outside),
            Detail("inside the server, without network and client", ratios, ""),
            *times("inside the server", inside),
        ],
    )
