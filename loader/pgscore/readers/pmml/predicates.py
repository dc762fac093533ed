"""Predicates of a document as questions to registers, as `PredicateUtil` of jpmml-evaluator 1.7 answers them.

A predicate is true, false, or unknown where a value is missing. What it compares with is parsed in the field's type.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

import numpy as np

from .questions import Always, Among, AtMost, Branch, Compound, Missing
from .tables import refined, resolved
from .types import UnfitError, cast, parse
from .values import Number, Tabulated, as_key, is_nan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .fields import Scope
    from .questions import Predicate
    from .tested import Tested
    from .types import Scalar
    from .values import Key, Outcome, Value
    from .xml import Element

# What a document may have of them.
MOST_NESTED, MOST_PARTS, MOST_MEMBERS = 50, 1_000, 100_000

TRUE, FALSE, UNKNOWN, FAILING = Always(True), Always(False), Always(None), Always("fails")
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "lessThan": operator.lt,
    "lessOrEqual": operator.le,
    "greaterThan": operator.gt,
    "greaterOrEqual": operator.ge,
}
# Other than any number, and above all of them: how Java compares NaN.
_OF_NAN = {"lessThan": False, "lessOrEqual": False, "greaterThan": True, "greaterOrEqual": True}


def predicate_of(parent: Element, scope: Scope, tested: Tested) -> Predicate:
    """The predicate of a node, a segment or an attribute.

    Args:
        parent: the element that it is in.
        scope: the fields that it may read.
        tested: takes what it tests.

    Raises:
        NotAProgramError: there is none, or it cannot be asked.
    """
    return _read(parent.one(*PREDICATES), scope, tested, 0)


def _read(element: Element, scope: Scope, tested: Tested, depth: int) -> Predicate:
    if depth > MOST_NESTED:
        raise element.refused(f"stands in more than {MOST_NESTED} predicates")
    return PREDICATES[element.tag](element, scope, tested, depth)


def _true(_element: Element, _scope: Scope, _tested: Tested, _depth: int) -> Predicate:
    """Is true."""
    return TRUE


def _false(_element: Element, _scope: Scope, _tested: Tested, _depth: int) -> Predicate:
    """Is false."""
    return FALSE


def _compound(element: Element, scope: Scope, tested: Tested, depth: int) -> Predicate:
    """And, or, xor and surrogate of others."""
    chosen = element.choice("booleanOperator", None, ("and", "or", "xor", "surrogate"))
    parts = element.all(*PREDICATES)
    if not 2 <= len(parts) <= MOST_PARTS:  # noqa: PLR2004  the evaluator takes no fewer
        raise element.refused(f"has {len(parts):,} predicates in it: 2 to {MOST_PARTS:,} are read")
    return Compound(chosen, tuple(_read(part, scope, tested, depth + 1) for part in parts))


def _simple(element: Element, scope: Scope, tested: Tested, _depth: int) -> Predicate:
    """Compares a field with a constant, or asks whether it is missing."""
    value = scope.value(element.need("field"), element)
    chosen = element.choice("operator", None, ("equal", "notEqual", "isMissing", "isNotMissing", *_ORDERS))
    if chosen in ("isMissing", "isNotMissing"):
        return _missing(value, tested, negated=chosen == "isNotMissing")
    text = element.need("value")
    if chosen in _ORDERS:
        return _ordered(value, chosen, text, element, tested)
    return _equal(value, [_constant(value, text, element)], tested, negated=chosen == "notEqual")


def _set(element: Element, scope: Scope, tested: Tested, _depth: int) -> Predicate:
    """Asks whether a field is one of several constants."""
    value = scope.value(element.need("field"), element)
    chosen = element.choice("booleanOperator", None, ("isIn", "isNotIn"))
    listed = element.one("Array")
    members = [_member(value, each, listed) for each in array(listed)]
    return _equal(value, [each for each in members if each is not None], tested, negated=chosen == "isNotIn")


def _member(value: Value, member: Scalar, element: Element) -> Scalar | None:
    """A member of an array in the type of a value; None where no value equals it."""
    if isinstance(member, str):
        return _constant(value, member, element)
    if isinstance(member, float) and value.type in ("float", "double") and str(member) == "-0.0":
        # A value that is 0 has no sign, and what stands in an array has.
        return None
    try:
        return cast(value.type, member)
    except UnfitError:
        raise element.refused(f"compares a {value.type} with {member!r}, which is none") from None


def array(element: Element) -> list[Scalar]:
    """The members of an array, as `ArrayUtil.parse` of jpmml-evaluator reads them.

    Raises:
        NotAProgramError: there are not as many as it says, too many, or one that is not of its type.
    """
    kind = element.choice("type", None, ("string", "int", "real"))
    tokens = _tokens(element.text) if kind == "string" else element.text.split()
    if element.get("n") is not None and element.number("n") != len(tokens):
        raise element.refused(f"has {len(tokens):,} members, and says that there are {element.get('n')}")
    if len(tokens) > MOST_MEMBERS:
        raise element.refused(f"has more than {MOST_MEMBERS:,} members")
    if kind == "string":
        return list(tokens)
    return [_number(each, kind, element) for each in tokens]


def _number(text: str, kind: str, element: Element) -> Scalar:
    whole = re.fullmatch(r"[+-]?[0-9]{1,10}", text, re.ASCII)
    if kind == "int" and (whole is None or not -(2**31) <= int(text) < 2**31):
        raise element.refused(f"has the member {text[:60]!r}, which is no integer of 32 bits")
    if kind == "int":
        return int(text)
    found = element.as_number(text, "the member")
    return -0.0 if found == 0 and text.startswith("-") else found


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    token: list[str] = []
    quoted, n = False, 0
    while n < len(text):
        letter = text[n]
        if quoted:
            if letter == "\\" and n < len(text) - 1:
                # A backslash stands for itself, but before a quotation mark.
                is_mark = text[n + 1] == '"'
                token.append('"' if is_mark else "\\")
                n += 2 if is_mark else 1
                continue
            if letter == '"':
                found.append("".join(token))
                token, quoted = [], False
            else:
                token.append(letter)
        elif letter == '"' or letter.isspace():
            if token:
                found.append("".join(token))
                token = []
            quoted = letter == '"'
        else:
            token.append(letter)
        n += 1
    if token:
        found.append("".join(token))
    return found


def _constant(value: Value, text: str, element: Element) -> Scalar:
    """What a value is compared with, in its type.

    Raises:
        NotAProgramError: it is none of the type, so that the evaluator predicts nothing wherever it compares.
    """
    try:
        found = parse(value.type, text)
    except UnfitError:
        raise element.refused(f"compares a {value.type} with {text[:60]!r}, which is none") from None
    if isinstance(found, float) and not np.isfinite(found):
        raise element.refused(f"compares a number with {text[:60]!r}, which is no finite one")
    return found


def _missing(value: Value, tested: Tested, *, negated: bool) -> Predicate:
    if isinstance(value, Tabulated):
        return chosen(
            value,
            lambda each: FAILING if each.kind == "fails" else _always((each.kind == "missing") != negated),
            tested,
        )
    there: Predicate = _always(negated)
    absent: Predicate = _always(not negated)
    gone = absent
    if value.invalid is not None:
        # NaN is there, to the evaluator.
        absent = chosen(value.invalid.table, lambda each: there if each.value else gone, tested)
    field = tested.number(value)
    return _guarded(value, Branch(Missing(field), absent, there, UNKNOWN), tested)


def _ordered(value: Value, name: str, text: str, element: Element, tested: Tested) -> Predicate:
    compare = _ORDERS[name]
    if isinstance(value, Tabulated) and value.order:
        return _by_order(value, compare, _constant(value, text, element), tested)
    if value.type == "string" or (value.optype == "categorical" and value.type != "boolean"):
        raise element.refused(f"compares a {value.optype} {value.type} by {name}, which the evaluator does not")
    # An integer is compared with a fraction as a double, and so is a boolean.
    bound = float(_as_number(value, text, element))
    at_most = tested.bound(value.type, bound, below=name in ("lessThan", "greaterOrEqual"))
    negated = name.startswith("greater")
    of_nan = _always(_OF_NAN[name])
    if isinstance(value, Number):
        asked: Predicate = AtMost(tested.number(value), at_most, negated)
        if value.invalid is not None:
            absent = chosen(value.invalid.table, lambda each: of_nan if each.value else UNKNOWN, tested)
            asked = Branch(asked, TRUE, FALSE, absent)
        return _guarded(value, asked, tested)

    def pick(outcome: Outcome) -> Predicate:
        if outcome.kind == "value":
            return of_nan if is_nan(outcome) else _always(compare(float(outcome.value), bound))
        if outcome.kind == "same":
            return AtMost(tested.table(value), at_most, negated)
        return UNKNOWN if outcome.kind == "missing" else FAILING

    return chosen(value, pick, tested)


def _by_order(value: Tabulated, compare: Callable[[float, float], bool], bound: Scalar, tested: Tested) -> Predicate:
    """By the places of two values among those that are valid; others cannot be compared."""
    places = {each: place for place, each in enumerate(value.order)}

    def pick(outcome: Outcome) -> Predicate:
        if outcome.kind == "missing":
            return UNKNOWN
        if outcome.kind != "value" or outcome.value not in places or bound not in places:
            return FAILING
        return _always(compare(places[outcome.value], places[bound]))

    return chosen(value, pick, tested)


def _as_number(value: Value, text: str, element: Element) -> Scalar:
    if value.type == "float":
        return _constant(value, text, element)
    try:
        found = parse("double", text)
    except UnfitError:
        raise element.refused(f"compares a {value.type} with {text[:60]!r}, which is none") from None
    if not np.isfinite(float(found)):
        raise element.refused(f"compares a number with {text[:60]!r}, which is no finite one")
    return found


def _equal(value: Value, constants: Iterable[Scalar], tested: Tested, *, negated: bool) -> Predicate:
    members = frozenset(constants)
    keys = frozenset(as_key(each) for each in members)
    yes, no = _always(not negated), _always(negated)
    if isinstance(value, Number):
        asked = _one_of(value, keys, tested, negated=negated)
        if value.invalid is not None:
            absent = chosen(value.invalid.table, lambda each: no if each.value else UNKNOWN, tested)
            asked = Branch(asked, TRUE, FALSE, absent)
        return _guarded(value, asked, tested)
    if value.source is not None and any(each.kind == "same" for each in value.outcomes):
        value = refined(value, [key for key in keys if isinstance(key, str) == value.is_text])

    def pick(outcome: Outcome) -> Predicate:
        if outcome.kind in ("value", "same"):
            # What is `same` is none of the keys, and so none of the members.
            return yes if outcome.kind == "value" and outcome.value in members else no
        return UNKNOWN if outcome.kind == "missing" else FAILING

    return chosen(value, pick, tested)


def _one_of(value: Number, keys: frozenset[str | float], tested: Tested, *, negated: bool) -> Predicate:
    """Whether a number is one of several: of one that is rounded to float32, whether it is between two doubles."""
    field = tested.number(value)
    if value.type != "float":
        return Among(field, keys, negated)
    yes, no = _always(not negated), _always(negated)
    asked: Predicate = no
    for key in sorted(map(float, keys)):
        below = AtMost(field, tested.bound("float", key, below=True))
        here = Branch(below, asked, yes, UNKNOWN)
        asked = Branch(AtMost(field, tested.bound("float", key, below=False)), here, no, UNKNOWN)
    return asked


def chosen(table: Tabulated, pick: Callable[[Outcome], Predicate], tested: Tested) -> Predicate:
    """Another predicate for each outcome of a table."""
    if table.source is None:
        return pick(table.other)
    field = tested.table(table)
    groups: dict[int, tuple[Predicate, set[Key]]] = {}
    for key in table.table:
        picked = pick(resolved(table, key))
        groups.setdefault(id(picked), (picked, set()))[1].add(key)
    if table.other.kind == "never":
        # The keys are all there is: those that most have in common are what is left.
        most = max(groups.values(), key=lambda each: len(each[1]), default=(TRUE, set()))
        base = most[0]
    else:
        base = pick(table.other)
    missing = UNKNOWN if table.missing.kind == "never" else pick(table.missing)
    groups.pop(id(base), None)
    if not groups:
        if isinstance(base, Always):
            return base if missing is base else Branch(Missing(field), missing, base, UNKNOWN)
        return base if missing is UNKNOWN else Branch(base, TRUE, FALSE, missing)
    found = base
    for picked, keys in sorted(groups.values(), key=lambda each: len(each[1])):
        found = Branch(Among(field, frozenset(keys)), picked, found, missing)
    return found


def _guarded(value: Number, asked: Predicate, tested: Tested) -> Predicate:
    """What is asked of a number, where asking for it does not fail."""
    for doubt in value.fails:
        then = asked
        asked = chosen(doubt.table, lambda each, then=then: FAILING if each.value else then, tested)  # type: ignore[misc]
    return asked


def _always(answer: bool) -> Always:
    return TRUE if answer else FALSE


PREDICATES = {
    "True": _true,
    "False": _false,
    "SimplePredicate": _simple,
    "SimpleSetPredicate": _set,
    "CompoundPredicate": _compound,
}
