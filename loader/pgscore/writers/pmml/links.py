"""Links as expressions of PMML: an expression for each output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .expressions import added, apply, if_there, number, ref, when
from .functions import expit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore_runtime.links import Link

    from .steps import Fields
    from .xml import Element


def linked(fields: Fields, link: Link, scores: Sequence[int], made: int) -> list[Element]:
    """The outputs of a link.

    Args:
        fields: what the registers are called; further fields that the outputs share are put among its helpers.
        link: the link.
        scores: the registers that it takes.
        made: the first register of the outputs, after which helpers are called.
    """
    prefix = f"link_{made}"
    found = _LINKS[link](fields, list(scores), prefix)
    missing = [fields.names[score] for score in scores if score in fields.maybe_missing]
    if not missing or made not in fields.asked or link in ("sign", "argmax"):
        return found
    if link in ("one_vs_all", "identity"):
        return [fields.guarded(made, [score], each) for score, each in zip(scores, found, strict=True)]
    return [if_there(missing, each) for each in found]


def _plus(one: Element, other: Element) -> Element:
    return apply("+", one, other, may_be_nan=True)


def _helper(fields: Fields, name: str, expression: Element) -> Element:
    while name in fields.names.values():
        name += "_"
    fields.helpers[name] = expression
    return ref(name)


def _there(fields: Fields, scores: Sequence[int], expression: Element) -> Element:
    """The expression, or a missing value where a score is."""
    missing = [fields.names[score] for score in scores if score in fields.maybe_missing]
    return if_there(missing, expression) if missing else expression


def _logistic(fields: Fields, scores: list[int], prefix: str) -> list[Element]:
    probability = _helper(fields, f"{prefix}_1", _there(fields, scores, expit(fields.ref(scores[0]))))
    return [apply("-", number(1), probability), probability]


def _softmax(fields: Fields, scores: list[int], prefix: str) -> list[Element]:
    largest = apply("max", *(fields.ref(score) for score in scores))
    most = _helper(fields, f"{prefix}_max", _there(fields, scores, largest))
    powers = []
    for n, score in enumerate(scores):
        # Missing where both are infinite.
        behind = _helper(fields, f"{prefix}_behind_{n}", apply("-", fields.ref(score), most, may_be_nan=True))
        power = if_there([behind.attributes["field"]], apply("exp", behind))
        powers.append(_helper(fields, f"{prefix}_power_{n}", power))
    total = _helper(fields, f"{prefix}_sum", added(powers, _plus))
    return [apply("/", power, total, may_be_nan=True) for power in powers]


def _normalized(fields: Fields, values: list[Element], prefix: str) -> list[Element]:
    total = _helper(fields, f"{prefix}_sum", added(values, _plus))
    nothing = apply("equal", total, number(0))
    alike = number(1 / len(values))
    return [
        when(apply("isNotMissing", total), when(nothing, alike, apply("/", value, total, may_be_nan=True)))
        for value in values
    ]


def _normalize(fields: Fields, scores: list[int], prefix: str) -> list[Element]:
    return _normalized(fields, [fields.ref(score) for score in scores], prefix)


def _one_vs_rest(fields: Fields, scores: list[int], prefix: str) -> list[Element]:
    values = [
        _helper(fields, f"{prefix}_{n}", _there(fields, scores, expit(fields.ref(score))))
        for n, score in enumerate(scores)
    ]
    return _normalized(fields, values, prefix)


def _one_vs_all(fields: Fields, scores: list[int], _: str) -> list[Element]:
    return [expit(fields.ref(score)) for score in scores]


def _sign(fields: Fields, scores: list[int], _: str) -> list[Element]:
    def found(yes: float, no: float) -> Element:
        test = when(apply("greaterThan", fields.ref(scores[0]), number(0)), number(yes), number(no))
        return when(apply("isMissing", fields.ref(scores[0])), number(no), test)

    return [found(0, 1), found(1, 0)]


def _argmax(fields: Fields, scores: list[int], _: str) -> list[Element]:
    # The first that is missing, or else the first of the largest.
    refs = [fields.ref(score) for score in scores]

    def found(position: int) -> Element:
        last: Element = number(1)
        for other in range(len(refs) - 1, -1, -1):
            if other == position:
                continue
            test = apply("lessOrEqual" if other < position else "lessThan", refs[position], refs[other])
            last = when(test, number(0), last)
        for n in range(len(refs) - 1, -1, -1):
            last = when(apply("isMissing", refs[n]), number(float(n == position)), last)
        return last

    return [found(position) for position in range(len(refs))]


def _square_signed(fields: Fields, scores: list[int], _: str) -> list[Element]:
    return [apply("*", fields.ref(scores[0]), apply("abs", fields.ref(scores[0])))]


_LINKS: dict[Link, Callable[[Fields, list[int], str], list[Element]]] = {
    "identity": lambda fields, scores, _: [fields.ref(score) for score in scores],
    "logistic": _logistic,
    "softmax": _softmax,
    "one_vs_rest": _one_vs_rest,
    "normalize": _normalize,
    "sign": _sign,
    "argmax": _argmax,
    "exp": lambda fields, scores, _: [apply("exp", fields.ref(scores[0]))],
    "expit": lambda fields, scores, _: [expit(fields.ref(scores[0]))],
    "one_vs_all": _one_vs_all,
    "square_signed": _square_signed,
}
