"""Rows to score: what a model may have been fitted on, and what no model has ever seen."""

from __future__ import annotations

from math import inf, nextafter
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.support.programs import borders

from .draw import Draw

if TYPE_CHECKING:
    from .models import Drawn

    Row = list[Any]

EXTREMES: tuple[float, ...] = (
    0.0, -0.0, inf, -inf, 5e-324, -5e-324, 1e-45, 1e-38, 1e39, -1e39, 3.4028235677973362e38, 3.4028235677973366e38,
    -3.4028235677973366e38, 1e300, 1.7976931348623157e308, -1.7976931348623157e308, 9007199254740993.0, 16777217.0,
    -1.0, 1.0, 0.5, 1e-300, float(2**63),
)  # fmt: skip
STRANGE = ("never seen", "gold", "GOLD", "gold ", "", " ", "ä", "𝄞", "e\u0301", "\x7f", "'", "\\", "NaN", "1", "\ufeff")
_PLAIN = 30
_EACH = 7
_MIXED = 20
_CENTERS = 12


def draw_rows(drawn: Drawn, document: dict[str, Any] | None, *seed: int) -> list[Row]:
    """Rows of values in the order of the inputs: None for NULL, booleans as 0 and 1.

    Args:
        drawn: a model.
        document: its program, at whose borders values are tried; None for none.
        seed: from which they follow.
    """
    draw = Draw(*seed)
    names = list(drawn.data.kinds)
    fitted = [[_value(value) for value in row] for row in drawn.data.frame.to_numpy(dtype=object)]
    plain = [list(fitted[0]), *draw.some(fitted, _PLAIN, _PLAIN)]
    near = borders(document) if document else [[] for _ in names]
    choices = [_choices(draw, drawn, name, values) for name, values in zip(names, near, strict=True)]
    rows = list(plain)
    for position, values in enumerate(choices):
        for value in values:
            changed = list(draw.pick(fitted))
            changed[position] = value
            rows.append(changed)
    for _ in range(_MIXED):
        changed = list(draw.pick(fitted))
        for position, values in enumerate(choices):
            if draw.chance(0.4):
                # Far less often what is refused than what is not.
                changed[position] = draw.pick([each for each in values if each is not None] or [None])
        rows.append(changed)
    rows.append([None] * len(names))
    for at in _centers(document) if document else []:
        rows.append([at.get(position, value) for position, value in enumerate(draw.pick(fitted))])
    return rows


def _centers(document: dict[str, Any]) -> list[dict[int, float]]:
    """Where rows are at centers that distances are measured from, or but rounding away: a number for each input."""
    count = len(document["inputs"])
    # Steps of several outputs come behind these.
    steps = dict(enumerate(document["steps"], start=count))
    found = []
    for root in steps.values():
        squares = steps.get(root["of"]) if root.get("name") == "sqrt" else None
        if squares is None or squares["step"] != "linear":
            continue
        at = {}
        for register in [steps.get(each, {}).get("of", each) for each in squares["of"]]:
            if isinstance(register, list):
                continue
            value, of = 0.0, register
            while of in steps and steps[of]["step"] == "affine":
                by = steps[of]
                value = (value - by.get("add", 0.0)) / (by.get("multiply") or 1.0)
                value, of = value * by.get("divide", 1.0) + by.get("subtract", 0.0), by["of"]
            if of < count and document["inputs"][of]["type"] == "double precision":
                at[of] = value
        found.append(at)
    return found[:_CENTERS]


def _choices(draw: Draw, drawn: Drawn, name: str, near: list[float]) -> list[Any]:
    kind = drawn.data.kinds[name]
    if kind == "boolean":
        return [0.0, 1.0, None]
    if kind == "text":
        return [*draw.some(STRANGE, 4, 4), *drawn.data.palettes[name], None]
    values = drawn.data.frame[name].dropna().to_numpy(dtype=float)
    middle = float(draw.pick(values.tolist())) if len(values) else 0.0
    single = float(np.float32(middle))
    beside = [nextafter(middle, inf), nextafter(middle, -inf), float(np.nextafter(np.float32(single), np.float32(inf)))]
    return [
        *draw.some(EXTREMES, _EACH, _EACH), *draw.some(near, _EACH, _EACH), draw.pick(beside), single,
        middle * draw.pick((1.5, -1, 10)), float(np.round(middle)), None,
    ]  # fmt: skip


def _value(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bool | np.bool_):
        return float(value)
    if isinstance(value, float) and np.isnan(value):
        return None
    return value
