"""What is printed: a line for each figure, with what it was made of where the listing is long, or all of it as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .figure import Detail, Measured, Wanted
    from .pairs import Spread

_NAME, _VALUE, _WANTED = 42, 12, 10
_DIGITS = 3


@dataclass(frozen=True)
class Line:
    """A figure as it came out: measured, or not, with the reason.

    Attributes:
        wrong: pgscore computes something else than the fitted estimator.
    """

    name: str
    wanted: Wanted | None
    measured: Measured | None = None
    reason: str = ""
    wrong: bool = False

    @property
    def verdict(self) -> str:
        """ok, short, stated, refused or wrong."""
        if self.measured is None:
            return "wrong" if self.wrong else "refused"
        if self.wanted is None:
            return "stated"
        return "ok" if self.wanted.met(self.measured.value.median) else "short"


def text(line: Line, *, long: bool) -> str:
    """The line for people; with spread and details where the listing is long."""
    unit = line.measured.unit if line.measured else ""
    value = f"{_number(line.measured.value.median)} {unit}".strip() if line.measured else "-"
    wanted = f"{'<=' if line.wanted.most else '>='} {_number(line.wanted.bound)} {unit}".strip() if line.wanted else "-"
    end = f"{line.verdict}: {line.reason}" if line.measured is None else _end(line.verdict, line.measured.note)
    first = f"{line.name:<{_NAME}} {value:>{_VALUE}}   {wanted:<{_WANTED}} {end}"
    if not long or line.measured is None:
        return first
    return "\n".join([first, f"    {_spread(line.measured.value, unit)}", *map(_detail, line.measured.details)])


def document(place: list[str], lines: list[Line]) -> str:
    """All lines as JSON."""
    return json.dumps({"place": place, "figures": [_plain(line) for line in lines]}, indent=2, ensure_ascii=False)


def _plain(line: Line) -> dict[str, Any]:
    wanted = asdict(line.wanted) if line.wanted else None
    measured = asdict(line.measured) if line.measured else {}
    measured.pop("part", None)
    return {"name": line.name, "verdict": line.verdict, "reason": line.reason, "wanted": wanted, **measured}


def _end(verdict: str, note: str) -> str:
    return f"{verdict}  ({note})" if note else verdict


def _detail(detail: Detail) -> str:
    return f"    {detail.name}: {_spread(detail.value, detail.unit)}"


def _spread(value: Spread, unit: str) -> str:
    middle, lower, upper = map(_number, (value.median, value.lower, value.upper))
    return f"{middle} {unit}".strip() + f", quartiles {lower} to {upper}, of {value.count}"


def _number(value: float) -> str:
    """Three digits that count, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return str(value)
    return f"{value:,.{max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))}f}"
