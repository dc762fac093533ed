"""Programs of ensembles, made without an estimator."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .oracle import Program


def trees_program(trees: int, depth: int, inputs: int = 15) -> Program:
    """Full trees of one depth over numbers, with thresholds and leaves at random."""
    chance = random.Random(0)  # noqa: S311
    step: Program = {
        "step": "trees",
        "of": list(range(inputs)),
        "precision": "float64",
        "base": [0.0],
        "roots": [],
        "target": [0] * trees,
        "feature": [],
        "threshold": [],
        "set": [],
        "missing_left": [],
        "left": [],
        "right": [],
        "values": [],
        "sets": [],
    }

    def grow(below: int) -> int:
        node = len(step["feature"])
        inner = below > 0
        step["feature"].append(chance.randrange(inputs) if inner else -1)
        step["threshold"].append(chance.uniform(-5, 5) if inner else None)
        step["set"].append(-1)
        step["missing_left"].append(0)
        step["left"].append(len(step["values"]))
        step["right"].append(-1)
        if inner:
            step["left"][node] = grow(below - 1)
            step["right"][node] = grow(below - 1)
        else:
            step["values"].append(chance.uniform(-0.1, 0.1))
        return node

    step["roots"] = [grow(depth) for _ in range(trees)]
    return {
        "program": 1,
        "inputs": [{"name": f"x{number}", "type": "double precision", "nullable": False} for number in range(inputs)],
        "steps": [step],
        "scores": [inputs],
        "link": "logistic",
        "tie": "first",
    }
