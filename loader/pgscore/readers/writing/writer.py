"""Writing a program: registers, and the steps that define them, each once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import AFFINE, FUNCTIONS, ZERO_IS_MISSING, CodeColumn, NumberColumn, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgscore.readers.algebra.domains import Domains
    from pgscore.readers.algebra.singles import Tolerance


@dataclass(frozen=True)
class Result:
    """What the reader of a predictor hands back: its scores, and how they become outputs.

    Attributes:
        scores: registers.
        link: what makes outputs of them.
        tie: which label of equal probabilities is predicted, the ``first`` or the ``last``.
        tolerance: how far an output may be from the predictor's, where that adds in single precision; else None.
    """

    scores: list[int]
    link: str
    tie: str = "first"
    tolerance: Tolerance | None = None


@dataclass
class Writer:
    """The steps of a program as they come."""

    domains: Domains
    steps: list[dict[str, Any]] = field(default_factory=list)
    _registers: int = 0
    _known: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._registers = len(self.domains.of)

    def add(self, step: dict[str, Any], outputs: int = 1) -> int:
        """The first register of a step, which is added unless an equal one is there."""
        key = json.dumps(step)
        if key not in self._known:
            self.steps.append(step)
            self._known[key] = self._registers
            self._registers += outputs
        return self._known[key]

    def number(self, source: int, operations: Sequence[Operation]) -> int:
        """The register of a number input after operations."""
        register = source
        pending: dict[str, Any] = {}
        for each in operations:
            if each.name in AFFINE:
                if pending and AFFINE.index(each.name) <= max(AFFINE.index(name) for name in pending):
                    register, pending = self.add({"step": "affine", "of": register, **pending}), {}
                pending[each.name] = each.operand
                continue
            if pending:
                register, pending = self.add({"step": "affine", "of": register, **pending}), {}
            register = self.add(_step(each, register))
        return self.add({"step": "affine", "of": register, **pending}) if pending else register

    def keys(self, columns: Iterable[CodeColumn]) -> list[Any]:
        """The keys of columns of one input, without those that are refused anyway."""
        columns = list(columns)
        known = self.domains.of[columns[0].source].known
        return sorted({key for each in columns for key in each.keys if known is None or key in known})

    def unknown_possible(self, column: CodeColumn | NumberColumn) -> bool:
        """Whether a value beside the keys gets as far as a step."""
        return self.domains.of[column.source].known is None

    def missing_possible(self, column: CodeColumn | NumberColumn) -> bool:
        """Whether a missing value gets as far as a step."""
        return self.domains.of[column.source].nullable

    def document(self, result: Result) -> dict[str, Any]:
        """The program."""
        return {
            "program": 1,
            "inputs": [self._input(n) for n in range(len(self.domains.of))],
            "steps": self.steps,
            "scores": result.scores,
            "link": result.link,
            "tie": result.tie,
        }

    def _input(self, position: int) -> dict[str, Any]:
        described, domain = self.domains.contract.inputs[position], self.domains.of[position]
        found: dict[str, Any] = {"name": described.name, "type": described.type, "nullable": domain.nullable}
        # A boolean is 0 or 1, and within any bounds that were found.
        if described.type == "double precision":
            found |= {name: value for name in ("minimum", "maximum") if np.isfinite(value := getattr(domain, name))}
        if domain.known is not None:
            found["known"] = sorted(domain.known)
        return found


# The number above 0, up to which nothing is; and what gives a number back to the last bit beside it.
_LEAST = 5e-324


def _step(operation: Operation, register: int) -> dict[str, Any]:
    if operation.name == ZERO_IS_MISSING:
        coefficients = [[0.0, 1.0], None, [_LEAST, 1.0]]
        knots = {"knots": [0.0, _LEAST], "coefficients": coefficients, "closed": "left", "missing": None}
        return {"step": "piecewise", "of": register, **knots}
    if operation.name in FUNCTIONS:
        return {"step": "function", "of": register, "name": operation.name}
    if operation.name == "fill":
        return {"step": "fill", "of": register, "with": operation.operand}
    return {"step": "clip", "of": register, operation.name: operation.operand}
