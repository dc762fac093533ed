"""Writing an ensemble: every test folded to the inputs, nodes that test nothing left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.folding import FOLD, Answer, Key, Test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.algebra.columns import CodeColumn, NumberColumn
    from pgscore.readers.algebra.ensemble import Ensemble, Tree

    from .writer import Writer


# Deeper trees cannot be explained.
_MOST_DEPTH = 200


def write_ensemble(ensemble: Ensemble, columns: list[NumberColumn | CodeColumn], writer: Writer) -> int:
    """Writes the step of an ensemble that tests these columns.

    Returns:
        The register of its first output.
    """
    covered = all(_is_covered(tree) for tree in ensemble.trees)
    arrays = _Arrays(covered=covered)
    answers = _answers(ensemble, columns, writer)
    for tree in ensemble.trees:
        arrays.add(tree, answers, columns)
    covered = covered and arrays.depth <= _MOST_DEPTH
    step = {
        "step": "trees",
        # Trees without a test read nothing, and a step reads at least one register.
        "of": list(arrays.registers) or [0],
        "precision": "float64",
        "base": ensemble.base,
        **({} if ensemble.divide is None else {"divide": ensemble.divide}),
        "roots": arrays.roots,
        "target": [tree.target for tree in ensemble.trees],
        "feature": arrays.feature,
        "threshold": arrays.threshold,
        "set": arrays.set,
        "missing_left": arrays.missing_left,
        "left": arrays.left,
        "right": arrays.right,
        "values": arrays.values,
        "sets": [list(members) for members in arrays.sets],
        **({"cover": arrays.cover} if covered else {}),
    }
    return writer.add(step, len(ensemble.base))


def _is_covered(tree: Tree) -> bool:
    return tree.cover is not None and bool(np.isfinite(tree.cover).all() and (tree.cover >= 0).all())


def _key(tree: Tree, node: int) -> Key:
    return tree.codes.get(node, float(tree.threshold[node])), bool(tree.missing_left[node])


def _answers(
    ensemble: Ensemble, columns: list[NumberColumn | CodeColumn], writer: Writer
) -> dict[int, dict[Key, Answer]]:
    """For each column that is tested, all of its tests: folded together, as there are many of them."""
    keys: dict[int, dict[Key, None]] = {}
    for tree in ensemble.trees:
        for node, feature in enumerate(tree.feature.tolist()):
            if feature >= 0:
                keys.setdefault(feature, {})[_key(tree, node)] = None
    for feature in keys:
        writer.domains.refuse_rough(columns[feature].source)
    return {
        feature: FOLD[type(columns[feature])](columns[feature], list(found), writer, single=ensemble.single)
        for feature, found in sorted(keys.items())
    }


@dataclass
class _Arrays:
    """The arrays of a `trees` step."""

    covered: bool
    roots: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    threshold: list[float | None] = field(default_factory=list)
    set: list[int] = field(default_factory=list)
    missing_left: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    registers: dict[int, int] = field(default_factory=dict)
    sets: dict[tuple[Any, ...], int] = field(default_factory=dict)
    cover: list[float] = field(default_factory=list)
    depth: int = 0

    def add(
        self, tree: Tree, answers: dict[int, dict[Key, Answer]], columns: Sequence[NumberColumn | CodeColumn]
    ) -> None:
        """Appends a tree: parents before their children, left before right."""
        features, lefts, rights = tree.feature.tolist(), tree.left.tolist(), tree.right.tolist()
        covers = tree.cover.tolist() if self.covered and tree.cover is not None else []
        self.roots.append(len(self.feature))
        waiting: list[tuple[int, list[int], int, int]] = [(0, self.roots, len(self.roots) - 1, 0)]
        while waiting:
            node, side, place, depth = waiting.pop()
            self.depth = max(self.depth, depth)
            # Reasons weigh a side by the rows that came there, also where it comes to be replaced by what is below.
            cover = covers[node] if covers else 0.0
            answer: Answer = True
            while features[node] >= 0:
                answer = answers[features[node]][_key(tree, node)]
                if isinstance(answer, Test):
                    break
                taken, left_out = (lefts[node], rights[node]) if answer else (rights[node], lefts[node])
                if covers and covers[left_out] > 0:
                    # No row of the table goes there, but rows did in fitting: those are part of the average.
                    answer = Test(columns[features[node]].source, None, (), missing_left=False, swapped=answer)
                    break
                node = taken
            side[place] = number = len(self.feature)
            self.cover.append(int(cover) if cover == int(cover) else cover)
            if features[node] < 0 or not isinstance(answer, Test):
                self._leaf(tree.values[node].tolist())
                continue
            self._node(answer)
            children = (rights[node], lefts[node]) if answer.swapped else (lefts[node], rights[node])
            waiting += [
                (children[1], self.right, number, depth + 1),
                (children[0], self.left, number, depth + 1),
            ]

    def _leaf(self, values: list[float]) -> None:
        self._append(-1, None, -1, 0, len(self.values))
        self.values += values

    def _node(self, test: Test) -> None:
        chosen = -1 if test.threshold is not None else self.sets.setdefault(test.members, len(self.sets))
        register = self.registers.setdefault(test.register, len(self.registers))
        self._append(register, test.threshold, chosen, int(test.missing_left), -1)

    def _append(self, feature: int, threshold: float | None, chosen: int, missing_left: int, left: int) -> None:
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.set.append(chosen)
        self.missing_left.append(missing_left)
        self.left.append(left)
        self.right.append(-1)
