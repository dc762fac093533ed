"""Shapley values by all coalitions of inputs: an oracle that knows nothing of TreeSHAP."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Any

from tests.program.oracle import link_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Coalition = frozenset[int]


def players(program: dict[str, Any]) -> list[set[int]]:
    """For each register the inputs that it is made of."""
    made_of = [{n} for n in range(len(program["inputs"]))]
    for step in program["steps"]:
        of = step["of"] if isinstance(step["of"], list) else [step["of"]]
        outputs = len(step["base"]) if step["step"] == "trees" else 1
        if step["step"] == "link":
            outputs = link_outputs(step["link"], len(of))
        made_of += [set().union(*[made_of[register] for register in of])] * outputs
    return made_of


def shapley_values(game: Callable[[Coalition], float], count: int) -> tuple[list[float], float]:
    """The Shapley value of each player, and what the game gives without any."""
    coalitions = [frozenset(each) for size in range(count + 1) for each in combinations(range(count), size)]
    worth = {each: game(each) for each in coalitions}
    values = [0.0] * count
    for each in coalitions:
        for player in set(range(count)) - each:
            weight = factorial(len(each)) * factorial(count - len(each) - 1) / factorial(count)
            values[player] += weight * (worth[each | {player}] - worth[each])
    return values, worth[frozenset()]


def expectation(step: dict[str, Any], output: int, registers: Sequence[Any], made_of: list[set[int]]) -> Any:  # noqa: ANN401
    """The game of an ensemble: who is absent goes both ways at a node, by the covers."""

    def below(node: int, leaf: int, there: Coalition) -> float:
        feature, left, right = (step[name][node] for name in ("feature", "left", "right"))
        if feature == -1:
            return float(step["values"][left + leaf])
        register = step["of"][feature]
        if made_of[register] <= there:
            return below(left if _goes_left(step, node, registers[register]) else right, leaf, there)
        weights = step["cover"][left], step["cover"][right]
        if sum(weights) == 0:
            weights = 1, 1
        sides = below(left, leaf, there), below(right, leaf, there)
        return float(sum(weight * side for weight, side in zip(weights, sides, strict=True)) / sum(weights))

    def game(there: Coalition) -> float:
        total = step["base"][output]
        for root, target in zip(step["roots"], step["target"], strict=True):
            if target in (output, -1):
                total += below(root, output if target == -1 else 0, there)
        return float(total / step.get("divide", 1))

    return game


def _goes_left(step: dict[str, Any], node: int, value: Any) -> bool:  # noqa: ANN401
    if value is None or value != value:  # noqa: PLR0124  NaN
        return bool(step["missing_left"][node])
    if step["set"][node] != -1:
        return value in step["sets"][step["set"][node]]
    return bool(value <= step["threshold"][node])
