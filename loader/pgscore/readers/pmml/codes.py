"""Reason codes of a scorecard: which register tells the points of a characteristic, and which one tells its code.

As `ScorecardEvaluator` of jpmml-evaluator 1.7 has them. The points of a characteristic are its partial score less the
baseline (`pointsAbove`), or the reverse. Points of equal codes are added, in the order of characteristics, beginning
with 0.0; codes whose sum is negative are dropped, and those of 0 are not. The most points come first, and of equals the
one whose characteristic comes first. The code is the attribute's, else the characteristic's.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

from pgscore_runtime.contract import Characteristic, ReasonCodes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import Algorithm

    from .xml import Element

# As `pgscore._reason_codes_problem` has them.
_LONGEST, _LARGEST = 1_000, 1_000_000
# `DatatypeConverter.parseInt`; of two integers the evaluator makes an integer, and fails where that has no room.
_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_LEAST, _MOST = -(2**31), 2**31 - 1


@dataclass(frozen=True)
class Told:
    """What tells a characteristic's code.

    Attributes:
        partial: the register of its partial score.
        by: the register that tells which code it is; None where there is but one.
        codes: by what this register holds.
        is_exact: whether the partial score is the evaluator's to the last bit, as ties are decided by.
    """

    partial: int
    by: int | None
    codes: Mapping[float, str]
    is_exact: bool = True


def codes_of(characteristic: Element, attributes: Sequence[Element]) -> list[str]:
    """The reason code of each attribute, each of which has one."""
    common = characteristic.get("reasonCode")
    return [each.attributes.get("reasonCode", common or "") for each in attributes]


def by_partial_score(partials: Mapping[int, float], codes: Sequence[str]) -> dict[float, str] | None:
    """The codes by partial scores, of attributes that have these; None where two of one score have different codes."""
    found: dict[float, str] = {}
    for number, partial in partials.items():
        if found.setdefault(partial + 0.0, codes[number]) != codes[number]:
            return None
    return found


def require_room(scorecard: Element, characteristic: Element, attributes: Sequence[Element]) -> None:
    """Refuses differences of integers that are no 32-bit integer, for which the evaluator gives nothing.

    Raises:
        NotAProgramError: there is one.
    """
    text = characteristic.get("baselineScore") or scorecard.get("baselineScore")
    baseline = _integer(text)
    above = scorecard.get("reasonCodeAlgorithm") == "pointsAbove"
    for each in attributes:
        partial = _integer(each.get("partialScore"))
        if baseline is None or partial is None or each.first("ComplexPartialScore") is not None:
            continue
        if not _LEAST <= (partial - baseline if above else baseline - partial) <= _MOST:
            raise each.refused("is further from the baseline score than an integer of 32 bits tells: write 1.0 for 1")


def _integer(text: str | None) -> int | None:
    if text is None or _INTEGER.fullmatch(text) is None or len(text.strip()) > len(str(_LEAST)):
        return None
    found = int(text)
    return found if _LEAST <= found <= _MOST else None


def reason_codes(scorecard: Element, told: Sequence[Told], baselines: Sequence[float]) -> ReasonCodes | None:
    """What the contract says of reason codes; None where they cannot be told, or not to the last bit."""
    if not all(each.is_exact for each in told):
        return None
    codes = {code for each in told for code in each.codes.values()}
    if not all(code.isprintable() and len(code.encode()) <= _LONGEST for code in codes):
        return None
    characteristics = []
    for each, baseline in zip(told, baselines, strict=True):
        keys = () if each.by is None else tuple(sorted(each.codes))
        coded = tuple(each.codes[key] for key in (keys or each.codes))
        characteristics.append(Characteristic(each.partial, baseline + 0.0, each.by, keys, coded))
    algorithm = cast("Algorithm", scorecard.get("reasonCodeAlgorithm") or "pointsBelow")
    found = ReasonCodes(algorithm, tuple(characteristics))
    return found if len(json.dumps(asdict(found), ensure_ascii=False).encode()) <= _LARGEST else None
