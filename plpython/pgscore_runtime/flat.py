"""Walking tree ensembles as they are stored, which needs no preparation: for the first rows of a session.

To prepare what makes later rows fast takes as long as to walk fifty, and sessions that score one are common.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tree_arrays import Trees


def walker(trees: Trees, registers: int, first_rows: int) -> Callable[[list[Any]], None]:
    """A function that walks an ensemble.

    Args:
        trees: the ensemble.
        registers: how many registers are defined before it.
        first_rows: for so many rows it is walked as it is, and prepared then.

    Returns:
        A function that takes the registers and appends the ensemble's outputs to them.
    """
    left, walk = first_rows, walk_arrays(trees)

    def counted(values: list[Any]) -> None:
        nonlocal left, walk
        if left == 0:
            # Only now, as sessions that do not come here are not to pay for the module.
            from .walk import prepared

            walk = prepared(trees, registers)
        left -= 1
        walk(values)

    return counted


def walk_arrays(trees: Trees) -> Callable[[list[Any]], None]:
    """A function that takes the registers and appends the ensemble's outputs to them, without any preparation."""
    of, feature, threshold, lefts, rights = trees.of, trees.feature, trees.threshold, trees.left, trees.right
    values, outputs = trees.values, len(trees.base)

    def walk(registers: list[Any]) -> None:
        tested = [registers[register] for register in of]
        totals = list(trees.base)
        for root, target in zip(trees.roots, trees.target, strict=True):
            node = root
            while (position := feature[node]) != -1:
                value, border = tested[position], threshold[node]
                if value is None or value != value:  # noqa: PLR0124  NaN
                    goes_left = trees.missing_left[node] == 1
                else:
                    goes_left = _is_member(value, trees.sets[trees.set[node]]) if border is None else value <= border
                node = lefts[node] if goes_left else rights[node]
            leaf = lefts[node]
            if target >= 0:
                totals[target] += values[leaf]
            else:
                totals = [total + each for total, each in zip(totals, values[leaf : leaf + outputs], strict=True)]
        registers.extend(totals if trees.divide is None else [total / trees.divide for total in totals])

    return walk


def _is_member(value: Any, members: list[Any]) -> bool:  # noqa: ANN401
    place = bisect_left(members, value)
    return place < len(members) and bool(members[place] == value)
