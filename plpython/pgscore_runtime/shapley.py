"""TreeSHAP: what each input adds to the sum of an ensemble's trees, beside what they give on the average.

The game is the path-dependent one of Lundberg, Erion and Lee, "Consistent Individualized Feature Attribution for Tree
Ensembles" (2018): a player is an input, and where it is absent both children of a node that tests it are taken, by
their covers. A leaf is reached with the product of o (1 where the row passes all tests of a player on the path, else 0)
of those who are there, and of z (the product of the covers' ratios) of those who are not. The Shapley value of such a
product is

    leaf * (o - z) * integral from 0 to 1 of the product of the others' o * t + z * (1 - t) dt,

because the weight of a coalition of s out of n others is the integral of t^s (1 - t)^(n - s). The integrand is a
polynomial of a degree below the number of players on the path, and Gauss-Legendre quadrature integrates it exactly with
half as many points, so that one walk through a tree, with a product for each point, gives the values of all players.
"""

from __future__ import annotations

from math import cos, fsum, pi
from operator import add, mul
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import FEATURE_NOT_SUPPORTED, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .tree_arrays import Trees

# A walk calls itself once for each level, and Python ends at a thousand.
_MOST_DEPTH = 200
# Nodes that are kept as they are walked, which take a kilobyte each; trees beyond are made ready again for each row.
_MOST_KEPT = 100_000
_MOST_STEPS, _CLOSE = 50, 1e-15

Vector = list[float]


class _Branch(NamedTuple):
    """A way down from a node that tests a player.

    Attributes:
        child: another node, or the number of a leaf.
        ratio: the covers' ratio, which the product is multiplied by where the player has failed above.
        passed: what it is multiplied by where the row goes this way, and has passed what the player was asked above.
        passed_gain: how much the player gains of the sums below, then.
        failed: what it is multiplied by where the row goes the other way here, for the first time.
        failed_gain: as above.
    """

    child: Any
    ratio: float
    passed: Vector
    passed_gain: Vector
    failed: Vector
    failed_gain: Vector


class _Node(NamedTuple):
    """A test of a player: left where the number of a register is at most the threshold, or is among the members."""

    player: int
    register: int
    threshold: float
    members: frozenset[Any] | None
    missing_left: bool
    left: _Branch
    right: _Branch


class _Fork(NamedTuple):
    """A node above two leaves: what it makes of a product is known for each way that a row can take.

    Attributes:
        player: likewise up to `missing_left`, as in a node.
        ratio: what the product is multiplied by where the player has failed above.
        left: the sums of the leaves, as factors of the product, where the row goes left.
        left_gain: what the player gains of the product, then.
        right: the same where the row goes right.
        right_gain: as above.
    """

    player: int
    register: int
    threshold: float
    members: frozenset[Any] | None
    missing_left: bool
    ratio: float
    left: Vector
    left_gain: Vector
    right: Vector
    right_gain: Vector


def _fork(node: _Node) -> _Fork:
    left, right = node.left, node.right
    sides = []
    for taken, other in ((left, right), (right, left)):
        sums = [taken.child * one + other.child * two for one, two in zip(taken.passed, other.failed, strict=True)]
        gains = [
            taken.child * one * gain + other.child * two * loss
            for one, gain, two, loss in zip(
                taken.passed, taken.passed_gain, other.failed, other.failed_gain, strict=True
            )
        ]
        sides += [sums, gains]
    return _Fork(*node[:5], left.ratio * left.child + right.ratio * right.child, *sides)


def legendre(points: int) -> tuple[Vector, Vector]:
    """The points of Gauss-Legendre quadrature from 0 to 1, and their weights: exact up to degree 2 * points - 1."""
    nodes, weights = [], []
    for number in range(points):
        x = cos(pi * (number + 0.75) / (points + 0.5))
        for _ in range(_MOST_STEPS):  # Newton's iteration, from a start that is known to be near enough
            before, here = 1.0, x
            for degree in range(2, points + 1):
                before, here = here, ((2 * degree - 1) * x * here - (degree - 1) * before) / degree
            slope = points * (x * here - before) / (x * x - 1)
            step = here / slope
            x -= step
            if abs(step) <= _CLOSE:
                break
        nodes.append((1 - x) / 2)
        weights.append(1 / ((1 - x * x) * slope * slope))
    return nodes, weights


class _Growing:
    """Builds the trees of one output."""

    def __init__(self, trees: Trees, output: int, players: Sequence[int]) -> None:
        self._trees, self._output, self._players = trees, output, players
        self._cover: list[float] = trees.cover or []
        self._sets = [frozenset(each) for each in trees.sets]
        self.count = 0
        self._points: Vector = []
        self._weights: Vector = []

    def grown(self, root: int) -> Any:  # noqa: ANN401
        """The tree with this root: a node, or a number."""
        self._points, self._weights = legendre((self._most_players(root) + 1) // 2 or 1)
        return self._grown(root, {})

    def _most_players(self, root: int) -> int:
        trees, most = self._trees, 0
        waiting: list[tuple[int, frozenset[int]]] = [(root, frozenset())]
        while waiting:
            node, above = waiting.pop()
            if trees.depth[node] > _MOST_DEPTH:
                raise Refusal(FEATURE_NOT_SUPPORTED, f"it has a tree that is deeper than {_MOST_DEPTH}")
            if trees.feature[node] == -1:
                most = max(most, len(above))
                continue
            here = above | {self._players[trees.feature[node]]}
            waiting += [(trees.left[node], here), (trees.right[node], here)]
        return most

    def _grown(self, node: int, above: dict[int, float]) -> Any:  # noqa: ANN401
        trees, feature = self._trees, self._trees.feature[node]
        left, right = trees.left[node], trees.right[node]
        if feature == -1:
            return float(trees.values[left + (self._output if trees.wide[node] else 0)])
        self.count += 1
        player, chosen, threshold = self._players[feature], trees.set[node], trees.threshold[node]
        ratios = _ratios(self._cover[left], self._cover[right])
        grown = _Node(
            player,
            trees.of[feature],
            0.0 if threshold is None else threshold,
            None if chosen == -1 else self._sets[chosen],
            bool(trees.missing_left[node]),
            *[self._branch(child, ratio, player, above) for child, ratio in zip((left, right), ratios, strict=True)],
        )
        is_fork = grown.left.child.__class__ is float and grown.right.child.__class__ is float
        return _fork(grown) if is_fork else grown

    def _branch(self, child: int, ratio: float, player: int, above: dict[int, float]) -> _Branch:
        former = above.get(player, 1.0)
        absent = former * ratio
        passed, passed_gain, failed, failed_gain = [], [], [], []
        for t, weight in zip(self._points, self._weights, strict=True):
            # What the player's factor was above, and is from here on. The leaves below count for this edge, and no
            # more for the one above that tests the same player.
            was, now, lost = t + former * (1 - t), t + absent * (1 - t), absent * (1 - t)
            gained = (1 - former) / was
            passed.append(now / was)
            passed_gain.append(weight * ((1 - absent) / now - gained))
            failed.append(lost / was)
            failed_gain.append(weight * (-1 / (1 - t) - gained))
        grown = self._grown(child, {**above, player: absent})
        return _Branch(grown, ratio, passed, passed_gain, failed, failed_gain)


def _ratios(left: float, right: float) -> tuple[float, float]:
    total = left + right
    # Rows of no weight have come here: neither side is likelier than the other.
    return (left / total, right / total) if total > 0 else (0.5, 0.5)


def _expected(node: Any) -> float:  # noqa: ANN401
    if type(node) is not _Node:
        return float(node.ratio) if type(node) is _Fork else float(node)
    return fsum(branch.ratio * _expected(branch.child) for branch in (node.left, node.right) if branch.ratio)


def explainer(
    trees: Trees, output: int, players: Sequence[int], count: int
) -> tuple[float, Callable[[list[Any]], Vector]]:
    """What an ensemble's output is on the average, and a function that says what each player adds to that.

    Args:
        trees: the ensemble, whose nodes have covers.
        output: one of its outputs.
        players: for each of the registers that nodes test, the input that it is made of.
        count: how many inputs there are.

    Returns:
        The average, and a function that takes the registers of a row and gives a number for each input.

    Raises:
        Refusal: a tree is too deep.
    """
    growing = _Growing(trees, output, players)
    roots = [root for root, target in zip(trees.roots, trees.target, strict=True) if target in (output, -1)]
    kept: list[Any] = []
    expected = [trees.base[output]]
    for root in roots:
        grown = growing.grown(root)
        expected.append(_expected(grown))
        if growing.count <= _MOST_KEPT:
            kept.append(grown)
    divide = 1.0 if trees.divide is None else trees.divide

    def explain(registers: list[Any]) -> Vector:
        added = [0.0] * count
        passing = [True] * count
        for position, root in enumerate(roots):
            grown = kept[position] if position < len(kept) else growing.grown(root)
            if grown.__class__ is not float:
                points = len(grown.left if grown.__class__ is _Fork else grown.left.passed)
                _below(grown, [1.0] * points, registers, passing, added)
        return [each / divide for each in added]

    return fsum(expected) / divide, explain


def _below(child: Any, product: Vector, registers: list[Any], passing: list[bool], added: Vector) -> Vector:  # noqa: ANN401
    """For each point the sum of the leaves below times their products; what players gain is added up on the way."""
    if child.__class__ is float:
        return [child * each for each in product]
    if child.__class__ is _Node:
        return _walk(child, product, registers, passing, added)
    player, register, threshold, members, missing_left, ratio, left, left_gain, right, right_gain = child
    if not passing[player]:
        return [ratio * each for each in product]
    value = registers[register]
    if value is None or value != value:  # noqa: PLR0124  NaN
        goes_left = missing_left
    elif members is None:
        goes_left = value <= threshold
    else:
        goes_left = value in members
    added[player] += sum(map(mul, product, left_gain if goes_left else right_gain))
    return list(map(mul, product, left if goes_left else right))


def _walk(node: _Node, product: Vector, registers: list[Any], passing: list[bool], added: Vector) -> Vector:
    player, register, threshold, members, missing_left, left, right = node
    if not passing[player]:
        # Neither way changes what the player gains.
        sums = [0.0] * len(product)
        for child, ratio, *_ in (left, right):
            if ratio:
                below = _below(child, [ratio * each for each in product], registers, passing, added)
                sums = list(map(add, sums, below))
        return sums
    value = registers[register]
    if value is None or value != value:  # noqa: PLR0124  NaN
        goes_left = missing_left
    elif members is None:
        goes_left = value <= threshold
    else:
        goes_left = value in members
    child, _, factors, gain, _, _ = left if goes_left else right
    sums = _below(child, list(map(mul, product, factors)), registers, passing, added)
    total = sum(map(mul, sums, gain))
    child, ratio, _, _, factors, gain = right if goes_left else left
    if ratio:
        passing[player] = False
        below = _below(child, list(map(mul, product, factors)), registers, passing, added)
        passing[player] = True
        total += sum(map(mul, below, gain))
        sums = list(map(add, sums, below))
    added[player] += total
    return sums
