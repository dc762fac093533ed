"""Drawing at random: all of it follows from a seed and the number of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_Chosen = TypeVar("_Chosen")


class Draw:
    """A source of choices, which knows what is being modelled and notes the classes that were chosen.

    Attributes:
        random: numpy's generator.
        made: the classes whose objects are part of the model, as readers name them.
    """

    def __init__(self, *seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.made: list[str] = []

    def chance(self, probability: float) -> bool:
        """True as often as that."""
        return bool(self.random.random() < probability)

    def pick(self, choices: Sequence[_Chosen]) -> _Chosen:
        """One of several."""
        return choices[int(self.random.integers(len(choices)))]

    def some(self, choices: Sequence[_Chosen], least: int, most: int) -> list[_Chosen]:
        """Several of them, none twice, in any order."""
        count = min(len(choices), self.whole(least, most))
        return [choices[n] for n in self.random.permutation(len(choices))[:count]]

    def whole(self, least: int, most: int) -> int:
        """An integer, both ends included."""
        return int(self.random.integers(least, most + 1))

    def real(self, least: float, most: float) -> float:
        """A number, evenly."""
        return float(self.random.uniform(least, most))

    def scale(self, least: float, most: float) -> float:
        """A positive number, evenly by its logarithm."""
        return float(np.exp(self.random.uniform(np.log(least), np.log(most))))

    def seed(self) -> int:
        """For estimators that draw themselves."""
        return self.whole(0, 2**31 - 1)

    def maybe(self, probability: float, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        """Arguments, as often as that; else none."""
        return given if self.chance(probability) else {}
