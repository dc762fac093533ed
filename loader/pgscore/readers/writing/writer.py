"""Writing a program: registers, and the steps that define them, each once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from math import inf, log
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pgscore_runtime.links import link_outputs

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import (
    AFFINE,
    FUNCTIONS,
    INEXACT,
    JUMPING,
    UNSTEADY,
    ZERO_IS_MISSING,
    CodeColumn,
    NumberColumn,
    Operation,
    Table,
)
from pgscore.readers.algebra.curves import Bins
from pgscore.readers.algebra.domains import Domain

from .ranges import Range, noted, of_step
from .steps import reads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pgscore_runtime.contract import ReasonCodes
    from pgscore_runtime.links import Link

    from pgscore.readers.algebra.domains import Domains
    from pgscore.readers.algebra.singles import Tolerance

# Two terms have one sum.
_EITHER_WAY = 2
_MOST_STEPS, _MOST_READ = 10_000, 100_000


# The number above 0, up to which nothing is; and what gives a number back to the last bit beside it.
_LEAST = 5e-324
_NOT_ZERO = {
    "knots": [0.0, _LEAST],
    "coefficients": [[0.0, 1.0], None, [_LEAST, 1.0]],
    "closed": "left",
    "missing": None,
}
_BASE_2 = {
    "log2": (Operation("log"), Operation("divide", log(2))),
    "exp2": (Operation("multiply", log(2)), Operation("exp")),
}


@dataclass(frozen=True)
class Result:
    """What the reader of a predictor hands back: its scores, and how they become outputs.

    Attributes:
        scores: registers.
        link: what makes outputs of them.
        tie: which label of equal probabilities is predicted, the ``first`` or the ``last``.
        tolerance: how far an output may be from the predictor's, where that adds in single precision; else None.
        decide: registers whose largest says which label is predicted, one for each, where that is not the output's.
        decision: the registers of its ``decision_function``, where these are not its scores; or what writes them.
        by_score: whether its labels go by the scores, of which next to a tie probabilities are equal.
        reason_codes: where a scorecard's reason codes come from.
    """

    scores: list[int]
    link: str
    tie: str = "first"
    tolerance: Tolerance | None = None
    decide: list[int] | None = None
    decision: list[int] | Callable[[], list[int]] | None = None
    by_score: bool = False
    reason_codes: ReasonCodes | None = None


@dataclass
class Writer:
    """The steps of a program as they come."""

    domains: Domains
    steps: list[dict[str, Any]] = field(default_factory=list)
    # How far registers may be from what the estimator adds in single precision, and a part of it that does.
    errors: dict[int, float] = field(default_factory=dict)
    sources: set[int] = field(default_factory=set)
    single_part: str = ""
    _ranges: list[Range] = field(default_factory=list)
    _ranged: int = 0
    _registers: int = 0
    _known: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._registers = len(self.domains.contract.inputs)

    def add(self, step: dict[str, Any], outputs: int = 1) -> int:
        """The first register of a step, which is added unless an equal one is there."""
        try:
            key = json.dumps(step, allow_nan=False)
        except ValueError:
            raise NotAProgramError("a part of it", "has a number that is not finite") from None
        if key not in self._known:
            if len(self.steps) == _MOST_STEPS:
                raise NotAProgramError("the pipeline", f"takes more than {_MOST_STEPS:,} steps, which a program has")
            self.steps.append(step)
            self._known[key] = self._registers
            self._registers += outputs
            self._pass_on(step, range(self._known[key], self._registers))
        return self._known[key]

    def _pass_on(self, step: dict[str, Any], defined: Iterable[int]) -> None:
        """What is made of something rough, or inexact, is that too."""
        rough, inexact = self.domains.rough, self.domains.inexact
        read = reads(step)
        part = next((rough[register] for register in read if register in rough), None)
        if part is not None:
            if step["step"] == "lookup":
                self.domains.refuse_rough(step["of"])
            rough.update(dict.fromkeys(defined, part))
        if _is_inexact(step) or (step["step"] != "trees" and not inexact.isdisjoint(read)):
            inexact.update(defined)

    def refuse_jumps(self, column: NumberColumn) -> None:
        """Refuses curves that jump at values that data have, where those come out of something inexact.

        Raises:
            NotAProgramError: naming the part of such a curve.
        """
        if column.source not in self.domains.inexact:
            return
        for each in column.operations:
            jumps = f"the function {each.name}" if each.name in JUMPING else each.curve and each.curve.jumps
            if jumps:
                raise NotAProgramError(jumps, "jumps at values that are computed otherwise in the last bits before it")

    def number(self, source: int, operations: Sequence[Operation]) -> int:
        """The register of a number after operations."""
        self.refuse_jumps(NumberColumn(source, tuple(operations)))
        register, operations = self._binned(source, operations)
        pending: dict[str, Any] = {}
        for each in operations:
            if each.name in AFFINE:
                if pending and AFFINE.index(each.name) <= max(AFFINE.index(name) for name in pending):
                    register, pending = self.add({"step": "affine", "of": register, **pending}), {}
                pending[each.name] = each.operand
                continue
            if pending:
                register, pending = self.add({"step": "affine", "of": register, **pending}), {}
            register = self._operation(each, register)
        return self.add({"step": "affine", "of": register, **pending}) if pending else register

    def _binned(self, source: int, operations: Sequence[Operation]) -> tuple[int, Sequence[Operation]]:
        """A register, and the operations that are left behind the last bins.

        Bins of what rising operations make of a number are bins of the number: its last bits do not matter then.
        """
        last = max((n for n, each in enumerate(operations) if isinstance(each.curve, Bins)), default=-1)
        if last < 1:
            return source, operations
        bins, domain = operations[last].curve, self.domains.of[source]
        assert isinstance(bins, Bins)  # noqa: S101  told the type checker
        column = NumberColumn(source, tuple(operations[:last]))
        end = column.rising_end(domain.minimum, domain.maximum)
        low, high = (domain.minimum, domain.maximum) if end == 0 else (-np.inf, np.inf)
        register = self.number(source, column.operations[:end])
        folded = bins.behind(column.operations[end:], low, high)
        self.refuse_jumps(NumberColumn(register, (operations[last],)))
        return folded.write(self, register), operations[last + 1 :]

    def _operation(self, operation: Operation, register: int) -> int:
        name = operation.name
        self.refuse_jumps(NumberColumn(register, (operation,)))
        if operation.curve is not None or name in UNSTEADY:
            self.domains.refuse_rough(register)
        if operation.curve is not None:
            return operation.curve.write(self, register)
        if name in _BASE_2:
            return self.number(register, _BASE_2[name])
        if name in FUNCTIONS:
            return self.function(name, register)
        if name == "fill":
            return self.add({"step": "fill", "of": register, "with": operation.operand})
        return self.add({"step": "clip", "of": register, name: operation.operand})

    def function(self, name: str, register: int) -> int:
        """The register of a function of another one."""
        if name == ZERO_IS_MISSING:
            return self.add({"step": "piecewise", "of": register, **_NOT_ZERO})
        return self.add({"step": "function", "of": register, "name": name})

    def linear(self, registers: Sequence[int], weights: Sequence[float], intercept: float = 0.0) -> int:
        """The register of a weighted sum of others."""
        return self.add({"step": "linear", "of": [*registers], "weights": [*weights], "intercept": intercept})

    def register(self, column: NumberColumn | CodeColumn) -> int:
        """The register of a column."""
        if isinstance(column, NumberColumn):
            return self.number(column.source, column.operations)
        unknown = column.unknown if self.unknown_possible(column) else 0.0
        missing = column.missing if self.missing_possible(column) else 0.0
        keys = self.keys([column])
        return self.lookup(replace(column, unknown=unknown, missing=missing), keys)

    def lookup(self, column: CodeColumn, keys: list[Any]) -> int:
        """The register of the numbers of a column for these keys, and for what is none of them."""
        return self.add(
            {
                "step": "lookup",
                "of": column.source,
                "keys": keys,
                "values": [_or_null(value) for value in column.values_of(keys).tolist()],
                "unknown": _or_null(column.unknown),
                "missing": _or_null(column.missing),
            }
        )

    def then(self, table: Table, part: str, operations: Sequence[Sequence[Operation]]) -> Table:
        """The table with operations appended, a list of them for each column.

        Raises:
            NotAProgramError: a column is a text.
        """
        columns: list[NumberColumn | CodeColumn] = []
        for column, more in zip(table.numbers(part), operations, strict=True):
            if isinstance(column, NumberColumn) and not column.takes(more):
                columns.append(NumberColumn(self.register(column), tuple(more)))
            else:
                columns.append(column.then(*more))
        return Table(tuple(columns), table.sparse)

    def outputs(self, result: Result, part: str = "a part of it") -> list[int]:
        """The registers of what a predictor gives: its classes' probabilities or marks, or its value."""
        registers = result.scores
        if result.link != "identity":
            registers = self.link(result.link, result.scores)
        if result.tolerance is not None:
            self._note_error(registers, result, part)
        return registers

    def link(self, link: str, of: Sequence[int]) -> list[int]:
        """The registers that a link makes of others.

        Raises:
            NotAProgramError: it says which is positive or largest of what is rough.
        """
        if link in ("sign", "argmax"):
            self.domains.refuse_rough(*of)
        count = link_outputs(cast("Link", link), len(of))
        first = self.add({"step": "link", "of": list(of), "link": link}, count)
        return list(range(first, first + count))

    def _note_error(self, registers: Sequence[int], result: Result, part: str) -> None:
        """Notes how far registers may be from what a predictor gives that adds in single precision."""
        tolerance = result.tolerance
        if tolerance is None:
            return
        self.single_part = part
        for register in registers:
            most = self.range(register).most
            # What is relative to the sums of each row has no bound of its own.
            bounded = not tolerance.is_by_row
            self.sources.add(register)
            self.note(register, tolerance.relative * max(1.0, tolerance.terms, most) if bounded else inf)

    def note(self, register: int, error: float) -> None:
        """Notes how far a register may be from what the estimator computes in single precision."""
        self._ranges[register] = noted(self.range(register), error)
        self.errors[register] = error

    def range(self, register: int) -> Range:
        """What is known of a register whatever the row."""
        if not self._ranges:
            self._ranges += [
                Range(0.0, 1.0) if each.type == "boolean" else Range() for each in self.domains.contract.inputs
            ]
        while len(self._ranges) <= register:
            step = self.steps[self._ranged]
            for found in of_step(step, [self._ranges[each] for each in reads(step)]):
                self._ranges.append(noted(found, self.errors.get(len(self._ranges))))
            self._ranged += 1
        return self._ranges[register]

    def keys(self, columns: Iterable[CodeColumn]) -> list[Any]:
        """The keys of columns of one input, without those that are refused anyway."""
        columns = list(columns)
        known = self.domains.of[columns[0].source].known
        return sorted({key for each in columns for key in each.keys if known is None or key in known})

    def unknown_possible(self, column: CodeColumn | NumberColumn, keys: Iterable[Any] | None = None) -> bool:
        """Whether a value beside the keys, the column's own unless others are given, gets as far as a step."""
        known = self.domains.of[column.source].known
        if keys is None and isinstance(column, CodeColumn):
            keys = column.keys
        return known is None or (keys is not None and not known.issubset(keys))

    def missing_possible(self, column: CodeColumn | NumberColumn) -> bool:
        """Whether a missing value gets as far as a step."""
        return self.domains.of[column.source].nullable

    def document(self, result: Result) -> dict[str, Any]:
        """The program."""
        self.domains.settle(self.register)
        read = [register for step in self.steps for register in reads(step)]
        if len(read) > _MOST_READ:
            raise NotAProgramError("the pipeline", f"reads more than {_MOST_READ:,} numbers in all steps together")
        checked = [register for register, domain in self.domains.of.items() if domain != Domain()]
        self.domains.refuse_infinite([*read, *checked])
        required = self._required()
        return {
            "program": 1,
            "inputs": [self._input(n) for n in range(len(self.domains.contract.inputs))],
            "steps": self.steps,
            **required,
            **({} if result.decide is None else {"decide": result.decide}),
            "scores": result.scores,
            "link": result.link,
            "tie": result.tie,
        }

    def _required(self) -> dict[str, Any]:
        """What is accepted of what the steps compute, where that is not all."""
        inputs = len(self.domains.contract.inputs)
        found: list[dict[str, Any]] = []
        for register, domain in sorted(self.domains.of.items()):
            if register < inputs or domain == Domain() or self._always_within(register, domain):
                continue
            if domain.known is not None:
                known = CodeColumn(register, tuple(sorted(domain.known)), np.zeros(len(domain.known)), np.nan, 0.0)
                # Asked as if any were possible: that is what is required.
                found.append({"of": self.lookup(known, list(known.keys)), "nullable": False})
            if replace(domain, known=None) != Domain():
                found.append({"of": register, "nullable": domain.nullable, **_bounds(domain)})
        return {"require": found} if found else {}

    def _always_within(self, register: int, domain: Domain) -> bool:
        found = self.range(register)
        within = domain.minimum <= found.low and found.high <= domain.maximum
        return within and (domain.nullable or not found.may_miss) and domain.known is None

    def _input(self, position: int) -> dict[str, Any]:
        described, domain = self.domains.contract.inputs[position], self.domains.of[position]
        found: dict[str, Any] = {"name": described.name, "type": described.type, "nullable": domain.nullable}
        # A boolean is 0 or 1, and within any bounds that were found.
        if described.type == "double precision":
            found |= _bounds(domain)
        if domain.known is not None:
            found["known"] = sorted(domain.known)
        return found


def _is_inexact(step: dict[str, Any]) -> bool:
    """Whether a step adds in another order than numpy does, or takes a function of the C library."""
    kind = step["step"]
    if kind == "linear":
        return len(step["of"]) > _EITHER_WAY
    if kind == "piecewise":
        return any(each is not None and len(each) > _EITHER_WAY for each in step["coefficients"])
    if kind == "function":
        return step["name"] in (*INEXACT, "sin", "cos", "expit", "logit")
    return kind in ("kernel", "quadratic", "link")


def _bounds(domain: Domain) -> dict[str, float]:
    return {name: value for name in ("minimum", "maximum") if np.isfinite(value := getattr(domain, name))}


def _or_null(value: float) -> float | None:
    return None if np.isnan(value) else value
