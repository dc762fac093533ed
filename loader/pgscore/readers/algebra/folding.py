"""Folding: a tree's test of a transformed column as a test of the input, with the same answer for every value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError

from .columns import CodeColumn, NumberColumn, applied
from .doubles import as_single, last_true
from .ensemble import Codes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.readers.writing.writer import Writer

    from .columns import FloatArray


@dataclass(frozen=True)
class Test:
    """A test as a program writes it.

    Attributes:
        register: what is tested.
        threshold: left where the number is at most this; None for a set.
        members: left where the value is among these; empty beside a threshold.
        missing_left: whether a missing value goes left.
        swapped: whether the node's children change places; `missing_left` counts after that.
    """

    register: int
    threshold: float | None
    members: tuple[Any, ...]
    missing_left: bool
    swapped: bool


# Each is a knot of a step.
_MOST_CODES = 20_000

# A test that all values answer alike is no test: True is left, False right.
Answer = Test | bool
Key = tuple[float | Codes, bool]


def _settled(register: int, direction: bool, missing: bool | None) -> Answer:
    """What is left of a test whose answer depends on nothing but whether the value is missing."""
    if missing is None or missing == direction:
        return direction
    return Test(register, None, (), missing_left=missing != direction, swapped=direction)


def number_tests(column: NumberColumn, keys: list[Key], writer: Writer, *, single: bool) -> dict[Key, Answer]:
    """Tests of a number by a threshold, each as a test of the input or of what the last function gives.

    The operations behind it are monotone as doubles too, so that what goes left ends at one double: the largest whose
    result, computed as scikit-learn does, is at most the threshold.

    Args:
        column: what the tree tests.
        keys: thresholds, and whether a missing value goes left.
        writer: takes the steps that are left.
        single: whether the tree rounds to float32 before it compares.
    """
    domain = writer.domains.of[column.source]
    writer.refuse_jumps(column)
    answers = category_tests(column, [key for key in keys if isinstance(key[0], Codes)], writer, single=single)
    keys = [key for key in keys if key not in answers]
    if not keys:
        return answers
    end = column.rising_end(domain.minimum, domain.maximum)
    behind = column.operations[end:]
    register = writer.number(column.source, column.operations[:end])

    def compared(values: FloatArray) -> FloatArray:
        results = applied(behind, values)
        return as_single(results) if single else results

    missing_number = compared(np.array([np.nan]))[0]
    missing_possible = writer.missing_possible(column) or end > 0
    low, high = (domain.minimum, domain.maximum) if end == 0 else (-np.inf, np.inf)
    thresholds = np.unique(np.array([key[0] for key in keys], dtype=np.float64))
    lows, highs = np.full(len(thresholds), low), np.full(len(thresholds), high)
    some, every = compared(lows) <= thresholds, compared(highs) <= thresholds
    last = last_true(lambda values: compared(values) <= thresholds, np.where(some, lows, highs), highs)
    found = {
        threshold: (bool(any_), bool(all_), float(border))
        for threshold, any_, all_, border in zip(thresholds.tolist(), some, every, last, strict=True)
    }
    for key in keys:
        threshold, missing_left = key
        any_, all_, border = found[float(threshold)]  # type: ignore[arg-type]
        missing: bool | None = None
        if missing_possible:
            missing = missing_left if np.isnan(missing_number) else bool(missing_number <= threshold)
        if all_ or not any_:
            answers[key] = _settled(register, all_, missing)
            continue
        if not np.isfinite(border):
            raise NotAProgramError("a tree", "sends minus infinity alone to one side")
        answers[key] = Test(register, border, (), missing_left=bool(missing), swapped=False)
    return answers


def category_tests(column: NumberColumn, keys: list[Key], writer: Writer, *, single: bool) -> dict[Key, Answer]:
    """Tests of a number that is a category's code, which libraries truncate; the arguments are those of `number_tests`.

    LightGBM truncates the double towards 0, so that -0.5 is 0, and what an int32 does not hold is negative on x86-64,
    and never among the codes: CategoricalDecision in its include/LightGBM/tree.h. XGBoost truncates the float32, and
    what is below 0 is no category, not -0.5 either: Decision and InvalidCat in its src/common/categorical.h.

    Raises:
        NotAProgramError: a code is larger than a program has room for.
    """
    if not keys:
        return {}
    register = writer.number(column.source, column.operations)
    codes = [test for test, _ in keys if isinstance(test, Codes)]
    if single:
        register = _single_codes(register, max(max(each.left | each.known, default=0) for each in codes), writer)
    else:
        register = writer.add({"step": "function", "of": register, "name": "trunc"})
    answers: dict[Key, Answer] = {}
    for (_, missing_left), test in zip(keys, codes, strict=True):
        others = missing_left if test.others_left is None else test.others_left
        chosen = test.known - test.left if others else test.left
        answers[test, missing_left] = (
            Test(register, None, tuple(map(float, sorted(chosen))), missing_left != others, swapped=others)
            if chosen
            else _settled(register, others, missing_left)
        )
    return answers


def _single_codes(register: int, largest: int, writer: Writer) -> int:
    """A register of codes up to the largest one, of numbers as float32, truncated; -1 for any other number."""
    if largest > _MOST_CODES:
        raise NotAProgramError("a tree", f"tests a number for the category {largest:,}")
    ends = np.arange(largest + 2, dtype=np.float64)
    below = last_true(lambda values: as_single(values) < ends, ends - 2, ends)
    return writer.add(
        {
            "step": "piecewise",
            "of": register,
            "knots": np.nextafter(below, np.inf).tolist(),
            "coefficients": [[-1.0], *[[float(code)] for code in range(largest + 1)], [-1.0]],
            "closed": "left",
            "missing": None,
        }
    )


def code_tests(column: CodeColumn, keys: list[Key], writer: Writer, *, single: bool) -> dict[Key, Answer]:
    """Tests of an indicator or a code, each as a test of the category; the arguments are those of `number_tests`."""
    members = writer.keys([column])
    numbers = np.array([*column.values_of(members), column.unknown, column.missing])
    numbers = as_single(numbers) if single else numbers
    boolean = writer.domains.is_boolean(column.source)
    answers: dict[Key, Answer] = {}
    for key in keys:
        lefts = [_goes_left(number, key) for number in numbers.tolist()]
        missing = lefts[-1] if writer.missing_possible(column) else None
        if boolean:
            directions = dict(zip(members, lefts, strict=False))
            false, true = directions.get(0.0, lefts[-2]), directions.get(1.0, lefts[-2])
            if false == true:
                answers[key] = _settled(column.source, false, missing)
            else:
                answers[key] = Test(column.source, 0.5, (), missing_left=bool(missing) != true, swapped=true)
            continue
        others = lefts[-2] if writer.unknown_possible(column) else sum(lefts[:-2]) * 2 > len(members)
        chosen = tuple(member for member, left in zip(members, lefts, strict=False) if left != others)
        if chosen:
            answers[key] = Test(
                column.source, None, chosen, missing_left=missing is not None and missing != others, swapped=others
            )
        else:
            answers[key] = _settled(column.source, others, missing)
    return answers


def _goes_left(number: float, key: Key) -> bool:
    test, missing_left = key
    if np.isnan(number):
        return missing_left
    if not isinstance(test, Codes):
        return number <= test
    code = int(number)
    if code in test.left:
        return True
    others_left = missing_left if test.others_left is None else test.others_left
    return code not in test.known and others_left


FOLD: dict[type, Callable[..., dict[Key, Answer]]] = {NumberColumn: number_tests, CodeColumn: code_tests}
