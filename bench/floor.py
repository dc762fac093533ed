"""The floor: what PL/Python costs before it has computed anything. Stated, not judged."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .contender import arguments, parameters, scoring_update
from .customers import CUSTOMERS, predictors
from .figure import Measured, ratio
from .models import TREES
from .pairs import in_turn, spread
from .single_row import added

if TYPE_CHECKING:
    from .field import Field

_ARRAY = f"array[{arguments()}]::double precision[]"
_LOOK_UPS = 1000
_ASK = f"select {_ARRAY} as numbers from {CUSTOMERS} c where c.id = $1"  # noqa: S608  our own text

# Name of the function, its parameters, its body, its call for row `c`.
_FUNCTIONS = {
    "no-argument": ("", "return 0.5", ""),
    "15-numbers": (parameters(), "return 0.5", arguments()),
    "array-of-15": ("numbers double precision[]", "return 0.5", _ARRAY),
    "bytes-of-15": ("sent bytea", "return 0.5", f"array_send({_ARRAY})"),
    "row-asked-in-python": (
        "id integer",
        "if 'ask' not in SD:\n"
        f"    SD['ask'] = plpy.prepare('''{_ASK}''', ['integer'])\n"
        "return plpy.execute(SD['ask'], [id])[0]['numbers'][0]",
        "c.id",
    ),
    "1000-look-ups-in-gd": (
        "",
        f"GD['bench'] = 0.5\nfor _ in range({_LOOK_UPS}):\n    found = GD['bench']\nreturn found",
        "",
    ),
}
_EXPRESSIONS = {
    "set-config": "set_config('bench.setting', 'value', true)::text is null",
    "current-setting": "current_setting('bench.setting', true) is null",
}
_NOTHING = "0.5::double precision + c.id"


def state(field: Field) -> list[Measured]:
    """Each function in a transaction of its own, and over 5,000 rows."""
    calls = _install(field)
    return [*_alone(field, calls), *_over_rows(field, {**calls, **_EXPRESSIONS})]


def share(field: Field) -> list[Measured]:
    """What pgscore adds to a transaction with the trees, divided by what an empty PL/Python function adds."""
    trees = field.ours(TREES)
    found = added(field, (trees.update, scoring_update(_install(field)["array-of-15"])), field.effort.single)
    return ratio([mine / empty for mine, empty in found], [])


def _install(field: Field) -> dict[str, str]:
    """Makes the functions; the call of each, by its name."""
    calls = {}
    with field.server.session() as session:
        for number, (name, (takes, body, given)) in enumerate(_FUNCTIONS.items()):
            session.run(
                f"create or replace function bench.floor_{number}({takes}) returns double precision"
                f" language plpython3u volatile as $$\n{body}\n$$"
            )
            calls[name] = f"bench.floor_{number}({given})"
    return calls


def _alone(field: Field, calls: dict[str, str]) -> list[Measured]:
    found = added(field, [scoring_update(call) for call in calls.values()], field.effort.single)
    return [
        Measured(spread([each[side] for each in found]).times(1e6), "µs", f"transaction/{name}")
        for side, name in enumerate(calls)
    ]


def _over_rows(field: Field, calls: dict[str, str]) -> list[Measured]:
    rows = len(predictors())
    with field.server.session() as session:
        sides = [
            partial(session.seconds, f"select count({call}) from {CUSTOMERS} c")  # noqa: S608  our own text
            for call in (_NOTHING, *calls.values())
        ]
        in_turn(sides, 1)
        found = in_turn(sides, field.effort.bulk)
    return [
        Measured(spread([(each[side] - each[0]) / rows for each in found]).times(1e6), "µs", f"call/{name}")
        for side, name in enumerate(calls, 1)
    ]
