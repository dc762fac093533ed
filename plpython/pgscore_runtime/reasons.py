"""Reasons: what each input adds to the score of a row, in the space of the link.

A score is taken apart from its end: `linear` and `affine` steps into their terms, `trees` steps by TreeSHAP, down to
registers that are made of one input alone. A step that makes a number of several inputs in another way ends it.
"""

from __future__ import annotations

from math import fsum, isfinite
from typing import TYPE_CHECKING, NamedTuple

from .errors import FEATURE_NOT_SUPPORTED, Refusal
from .interpreter import Interpreter
from .links import link_function
from .shapley import explainer
from .steps import Affine, Linear, step_outputs
from .tree_arrays import Trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .program import Program
    from .steps import Step

# Of several inputs.
_MIXED = -1
# To explain a row takes so long that walking the trees as they are stored hardly shows beside it.
_FIRST_ROWS = 100


class Term(NamedTuple):
    """A register that is made of one input: what it adds is weight * (number - center)."""

    register: int
    weight: float
    center: float


class Ensemble(NamedTuple):
    """An output of trees, and what it is multiplied by."""

    trees: Trees
    output: int
    weight: float


class Parts(NamedTuple):
    """A score as a sum: constants, terms, outputs of ensembles; and for each register the input it is made of."""

    constants: list[float]
    terms: list[Term]
    ensembles: list[Ensemble]
    players: list[int]


def score_register(program: Program, positive: int) -> tuple[int, float]:
    """The register whose number is explained, and the sign it has in the link's space.

    Raises:
        Refusal: the link makes a score of several registers, and not of one of them beside the others.
    """
    if program.link == "normalize":
        raise Refusal(FEATURE_NOT_SUPPORTED, "its link divides scores by their sum")
    if program.link in ("logistic", "sign"):
        return program.scores[0], 1.0 if positive else -1.0
    return program.scores[positive], 1.0


def take_apart(program: Program, positive: int) -> Parts:
    """The score of a class, or a value, as a sum.

    Raises:
        Refusal: it is no sum of what single inputs are made into, and of trees with covers.
    """
    first = len(program.inputs)
    players, defined = _registers(program)
    target, sign = score_register(program, positive)
    whole = {target: sign}
    found = Parts([], [], [], players)
    # A step reads lower registers only: from above, each has its whole weight when its turn comes.
    for register in range(target, -1, -1):
        weight = whole.pop(register, 0.0)
        if weight == 0:
            continue
        if players[register] != _MIXED:
            found.terms.append(Term(register, weight, 0.0))
            continue
        number, output, step = defined[register - first]
        for each, its_weight in _lower(step, number, output, weight, found):
            whole[each] = whole.get(each, 0.0) + its_weight
    if not all(map(isfinite, [*found.constants, *[each.weight for each in found.terms]])):
        raise Refusal(FEATURE_NOT_SUPPORTED, "its weights are past the largest double")
    return found


def _registers(program: Program) -> tuple[list[int], list[tuple[int, int, Step]]]:
    """For each register the input that it is made of; behind the inputs its step, and which of the outputs it is."""
    players = list(range(len(program.inputs)))
    defined: list[tuple[int, int, Step]] = []
    for number, step in enumerate(program.steps):
        made_of = {players[register] for register in (step.of if isinstance(step.of, tuple) else (step.of,))}
        is_alone = not isinstance(step, Linear | Trees) and len(made_of) == 1
        outputs = step_outputs(step)
        defined += [(number, output, step) for output in range(outputs)]
        players += [made_of.pop() if is_alone else _MIXED] * outputs
    return players, defined


def _lower(step: Step, number: int, output: int, weight: float, found: Parts) -> Iterator[tuple[int, float]]:
    """Takes a step apart into what is found, and registers of several inputs that have to be, with their weights."""
    if isinstance(step, Affine):
        factor, offset = _slope(step)
        found.constants.append(weight * offset)
        yield step.of, weight * factor
    elif isinstance(step, Linear):
        found.constants.append(weight * step.intercept)
        for of, each, center in zip(step.of, step.weights, step.center or (0.0,) * len(step.of), strict=True):
            if found.players[of] == _MIXED:
                yield of, weight * each
            else:
                found.terms.append(Term(of, weight * each, center))
                found.constants.append(weight * each * center)
    elif isinstance(step, Trees):
        _check_trees(step, found.players, number)
        found.ensembles.append(Ensemble(step, output, weight))
    else:
        kind = type(step).__name__.removesuffix("Step").lower()
        raise Refusal(FEATURE_NOT_SUPPORTED, f"steps[{number}], a {kind} step, makes one number of several inputs")


def _check_trees(trees: Trees, players: list[int], number: int) -> None:
    if trees.cover is None:
        raise Refusal(FEATURE_NOT_SUPPORTED, f"the trees of steps[{number}] have no covers")
    if any(players[register] == _MIXED for register in trees.of):
        raise Refusal(FEATURE_NOT_SUPPORTED, f"the trees of steps[{number}] test a number made of several inputs")


def _slope(step: Affine) -> tuple[float, float]:
    """An affine step as factor * x + offset."""
    factor, offset = 1.0, 0.0
    for name, operand in step.operations:
        if name == "subtract":
            offset -= operand
        elif name == "divide":
            factor, offset = factor / operand, offset / operand
        elif name == "multiply":
            factor, offset = factor * operand, offset * operand
        else:
            offset += operand
    return factor, offset


class Explainer:
    """Says what each input adds to the score of a row.

    Attributes:
        base: what the score is, in the link's space, before any input has added to it.
    """

    def __init__(self, program: Program, positive: int) -> None:
        """Takes a program apart.

        Raises:
            Refusal: it is none that can be explained.
        """
        parts = take_apart(program, positive)
        self._count = len(program.inputs)
        self._positive = positive
        self._players = parts.players
        self._terms = parts.terms
        self._scores, self._link = program.scores, link_function(program.link)
        self._ensembles = []
        base = [*parts.constants]
        for trees, output, weight in parts.ensembles:
            average, explain = explainer(trees, output, [parts.players[register] for register in trees.of], self._count)
            base.append(weight * average)
            self._ensembles.append((weight, explain))
        self.base = fsum(base)
        # All registers of a row, as scoring has them.
        self._registers = Interpreter(
            program._replace(scores=tuple(range(len(parts.players))), link="identity", tie="first", decide=()),
            first_rows=_FIRST_ROWS,
        )

    def reasons(self, numbers: Sequence[float | None], texts: Sequence[str | None]) -> list[float] | None:
        """What each input adds, in their order, then the base, and last the score itself.

        Args:
            numbers: as `Interpreter.outputs` takes them.
            texts: likewise.

        Returns:
            Numbers; the sum of all but the last is the score in the link's space. None where the row has no score.
        """
        registers, _ = self._registers.outputs(numbers, texts)
        if registers is None:
            return None
        score = self._link([registers[register] for register in self._scores])[self._positive]
        if score != score:  # noqa: PLR0124  NaN
            return None
        added: list[list[float]] = [[] for _ in range(self._count)]
        for register, weight, center in self._terms:
            added[self._players[register]].append(weight * (registers[register] - center))
        for weight, explain in self._ensembles:
            for sums, each in zip(added, explain(registers), strict=True):
                sums.append(weight * each)
        return [*[sum(each, 0.0) for each in added], self.base, score]
