"""One row in a transaction of its own, on a warm connection: what scoring adds to the transaction."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

from .contender import scoring_update
from .customers import CUSTOMERS, predictors
from .figure import Detail, ratio
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .field import Field
    from .figure import Measured
    from .setting import Session

NOTHING = scoring_update("0.5")
"""The same transaction without scoring."""
_WARM_UP = 12
_BLOCKS = 3
_BLOCK_SECONDS = 0.004
_SMALLEST, _LARGEST = 3, 50
_START = "begin; select set_config('bench.start', clock_timestamp()::text, false); commit"
_END = "select extract(epoch from clock_timestamp() - current_setting('bench.start')::timestamptz)::double precision"


class Transactions:
    """Transactions of one prepared statement, in blocks.

    A block is one string, `begin; execute …; commit; begin; …`: each customer is a transaction. The server's clock is
    read in its first and in its last statement, so that neither the network nor the client counts.

    Args:
        session: where they run.
        name: of the prepared statement.
        statement: its text, of which the customer is `$1`.
        times: how often each transaction runs it, for one customer.
    """

    def __init__(self, session: Session, name: str, statement: str, times: int = 1) -> None:
        self._session = session
        self._call = f"execute {name}({{0}}); " * times
        self._random = random.Random(0)  # noqa: S311  the same customers for all contenders
        session.run(f"prepare {name} (integer) as {statement}")
        self._seconds(_WARM_UP)
        each = min(self._seconds(_SMALLEST) for _ in range(_BLOCKS))
        self._size = max(_SMALLEST, min(_LARGEST, round(_BLOCK_SECONDS / each)))

    def measure(self) -> float:
        """Runs three blocks; seconds for each transaction of the fastest, which was interrupted least."""
        return min(self._seconds(self._size) for _ in range(_BLOCKS))

    def _seconds(self, size: int) -> float:
        """Runs a block; seconds for each transaction."""
        customers = [self._random.randint(1, len(predictors())) for _ in range(size)]
        block = "".join(f"begin; {self._call.format(each)}commit; " for each in customers)
        seconds: float = self._session.value(f"{_START}; {block}{_END}")
        return seconds / size


def compare(model: str, baseline: str) -> Callable[[Field], list[Measured]]:
    """What pgscore adds to a transaction, divided by what a baseline adds."""
    return partial(_compare, model, baseline)


def added(field: Field, statements: Sequence[str], pairs: int, scores: Sequence[str] = ()) -> list[tuple[float, ...]]:
    """What each statement adds to the transaction, in seconds; one tuple for each time that all were measured.

    Args:
        field: where.
        statements: of which the customer is `$1`.
        pairs: how often they are measured.
        scores: expressions that are asked for once before. What a binding asks first says that this session has not
            read a large program yet, and the binding then has it read.
    """
    with field.server.session() as session:
        for score in scores:
            session.run(f"select {score} from {CUSTOMERS} c where c.id = 1")  # noqa: S608  our own text
        session.run(f"vacuum {CUSTOMERS}")
        sides = [
            Transactions(session, f"side_{number}", statement)
            for number, statement in enumerate((NOTHING, *statements))
        ]
        found = in_turn([side.measure for side in sides], pairs)
    return [tuple(value - nothing for value in values) for nothing, *values in found]


def _compare(model: str, baseline: str, field: Field) -> list[Measured]:
    other = field.baseline(baseline, model)
    ours = field.ours(model)
    found = added(field, (ours.update, other.update), field.effort.single, (ours.score,))
    return ratio(
        [mine / theirs for mine, theirs in found],
        [
            Detail(contender.name, spread([each[side] for each in found]).times(1e6), "µs added to a transaction")
            for side, contender in enumerate((ours, other))
        ],
    )
