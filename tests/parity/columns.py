"""What columns of each type hold: the text that is written, and the number or text that a model is to read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_WHOLE = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_UNBOUNDED = ("numeric", "parity_money")
# What a double cannot hold: numpy's float() makes infinity of the ones, and 0 of the others.
_BEYOND = {math.inf: "1e400", -math.inf: "-1e400", 5e-324: "1e-400", 0.0: "-1e-400"}


def logical(kind: str, value: Any) -> tuple[Any, Any]:  # noqa: ANN401, PLR0911  one for each type
    """How a value is written into a column of this type, as the type holds it, and what a model reads of it."""
    if value is None or kind in ("text", "parity_plan", "parity_word") or kind.startswith("varchar"):
        return value, value
    if kind == "boolean":
        return bool(value), float(value)
    value = float(value)  # JSON has integers too
    if kind == "double precision":
        return repr(value), value
    if kind == "real":
        with np.errstate(all="ignore"):
            single = np.float32(value)
        # As it is shown: 1.1, and not 1.10000002384186.
        return str(single), float(str(single))
    if kind in _WHOLE:
        most = _WHOLE[kind]
        whole = int(value) if math.isfinite(value) and abs(value) < most else most - 1 if value > 0 else -most
        return str(whole), float(whole)
    if kind in _UNBOUNDED:
        if value in _BEYOND:
            return _BEYOND[value], value if math.isinf(value) else 0.0
        return repr(value), value
    assert kind == "numeric(30,12)"
    if not math.isfinite(value) or abs(value) >= 1e17:
        value = math.copysign(1e17, value)
    text = f"{value:.12f}"
    return text, float(text)
