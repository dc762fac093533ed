"""What a program's registers are for: which a score needs, and in which of them the last bits may matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore_runtime.formulas import Kernel, LinkStep, Piecewise, Product, Quadratic
from pgscore_runtime.steps import Affine, Clip, Fill, Function, Linear, step_outputs
from pgscore_runtime.tree_arrays import Trees

if TYPE_CHECKING:
    from pgscore_runtime.program import Program

# Where what goes in is off by little, what comes out is, too: it neither jumps nor divides by what may be 0.
_SMOOTH_STEPS = (Affine, Clip, Fill, Linear, Product, Quadratic, Kernel)
_SMOOTH_FUNCTIONS = ("abs", "square", "relu", "exp", "expm1", "expit", "tanh", "sin", "cos")
_SMOOTH_LINKS = ("identity", "logistic", "softmax", "one_vs_all", "expit", "exp", "square_signed")


class Flow(NamedTuple):
    """What registers are for.

    Attributes:
        first: for each step the number of the first register that it defines.
        needed: the registers that scores, what decides of the label, and requirements are made of.
        exact: those of them behind which something may jump, so that their last bits have to be those of the program.
    """

    first: list[int]
    needed: set[int]
    exact: set[int]


def read_registers(step: Any) -> tuple[int, ...]:  # noqa: ANN401
    """The registers that a step reads."""
    return step.of if isinstance(step.of, tuple) else (step.of,)


def flow(program: Program) -> Flow:
    """Follows a program from its scores back to its inputs."""
    first, defined = [], len(program.inputs)
    for step in program.steps:
        first.append(defined)
        defined += step_outputs(step)
    needed = {*program.scores, *program.decide, *(each.of for each in program.require)}
    exact = set() if program.link in _SMOOTH_LINKS else set(program.scores)
    for step, begins in zip(reversed(program.steps), reversed(first), strict=True):
        made = range(begins, begins + step_outputs(step))
        if needed.isdisjoint(made):
            continue
        needed.update(read_registers(step))
        if not _is_smooth(step) or not exact.isdisjoint(made):
            exact.update(read_registers(step))
    return Flow(first, needed, exact)


def tested(trees: Trees) -> set[int]:
    """The positions in `of` of the registers that some node tests."""
    return {feature for feature in trees.feature if feature != -1}


def _is_smooth(step: Any) -> bool:  # noqa: ANN401
    if isinstance(step, Function):
        return step.name in _SMOOTH_FUNCTIONS
    if isinstance(step, LinkStep):
        return step.link in _SMOOTH_LINKS
    if isinstance(step, Piecewise | Trees):
        return False
    return isinstance(step, _SMOOTH_STEPS)
