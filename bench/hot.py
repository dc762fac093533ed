"""Eight clients and one hot customer, in transactions that have something else to do before they commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .attached import attached, check, count_each, make, sweep
from .figure import Detail, ratio
from .models import LINEAR
from .pairs import in_turn, spread
from .pgbench import CLIENTS, pgbench

if TYPE_CHECKING:
    from collections.abc import Callable

    from .attached import Pair
    from .field import Field
    from .figure import Measured
    from .setting import Session

_CUSTOMERS = 100
_SECONDS = 2
_WAIT = "10 ms"


def throughput(field: Field) -> list[Measured]:
    """Transactions in a second with a table attached with `commit`, divided by those with the counting trigger."""
    field.ours(LINEAR)
    with field.server.session() as session:
        ours, counting = (make(session, f"hot_{side}", _CUSTOMERS) for side in ("attached", "counting"))
        count_each(session, counting)
        with attached(session, ours, LINEAR, "commit"):
            sides = [_side(field, session, pair) for pair in (ours, counting)]
            found = in_turn(sides, field.effort.crowds)
            check(session, ours, LINEAR)
    return ratio(
        [mine / theirs for mine, theirs in found],
        [
            Detail(name, spread([each[side] for each in found]), f"transactions/s, {CLIENTS} clients")
            for side, name in enumerate(("pgscore", "counting trigger"))
        ],
    )


def _side(field: Field, session: Session, pair: Pair) -> Callable[[], float]:
    script = f"begin;\n{pair.insert.replace('$1', '1')};\n\\sleep {_WAIT}\ncommit;\n"

    def measure() -> float:
        sweep(session, pair)
        return pgbench(field.server, script, _SECONDS).rate

    return measure
