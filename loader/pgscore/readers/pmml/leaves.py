"""What the leaf of a tree gives: its score as a number, and what the target makes of it."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from .types import UnfitError, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from .targets import Target
    from .xml import Element

_CONTEXTS = ("double", "float")


def is_single(model: Element) -> bool:
    """Whether a model computes in float32."""
    name = "x-mathContext" if model.get("x-mathContext") is not None else "mathContext"
    return model.choice(name, "double", _CONTEXTS) == "float"


def parsed(text: str, node: Element, *, single: bool) -> float:
    """The number that a score states.

    Raises:
        NotAProgramError: it is none that is finite.
    """
    try:
        found = float(parse("float" if single else "double", text))
    except UnfitError:
        found = float("nan")
    if not isfinite(found):
        raise node.refused(f"has the score {text[:60]!r}, which is no finite number")
    return found


def settled(number: float, target: Target, place: Element, *, single: bool) -> float | None:
    """What the target makes of a number, as `TargetUtil.processValue` computes it; None where that is no value of its.

    Raises:
        NotAProgramError: the target says what is not supported, or makes it too large.
    """
    kind = np.float32 if single else np.float64
    element = target.element
    with np.errstate(all="ignore"):
        found = kind(number)
        if element is not None:
            low, high = element.optional_number("min"), element.optional_number("max")
            found = found if low is None else max(found, kind(low))
            found = found if high is None else min(found, kind(high))
            found = found * kind(element.number("rescaleFactor", 1.0)) + kind(element.number("rescaleConstant", 0.0))
            found = kind(_ROUNDED[element.choice("castInteger", "none", tuple(_ROUNDED))](float(found)))
    if not isfinite(found):
        raise place.refused("has a score that its target makes infinite")
    if target.type == "float":
        found = np.float32(found)
    elif target.type == "integer":
        return float(found) if found == int(found) and -(2**31) <= found < 2**31 else None
    elif target.type != "double":
        raise place.refused(f"predicts a number for the target {target.name!r}, which is a {target.type}")
    return float(found) + 0.0


_ROUNDED: dict[str, Callable[[float], float]] = {
    "none": lambda value: value,
    "round": lambda value: np.floor(value) + (value - np.floor(value) >= 0.5),  # noqa: PLR2004  a half goes up
    "ceiling": np.ceil,
    "floor": np.floor,
}
