"""The steps of a program, each as a function that appends its columns, of so many rows, to those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pgscore_runtime.functions import FUNCTIONS
from pgscore_runtime.steps import Affine, Clip, Fill, Function, Linear, Lookup, Missing, step_outputs
from pgscore_runtime.tree_arrays import Trees

from .formulas import FORMULA_COMPILERS
from .links import exp_of, expit
from .texts import MISSING, Vocabulary
from .trees import ensemble

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from pgscore_runtime.program import Program

    FloatArray = npt.NDArray[np.float64]
    Registers = list[npt.NDArray[Any]]
    Append = Callable[[Registers, int], None]


class Compiled(NamedTuple):
    """A program's steps.

    Attributes:
        vocabularies: for each register that holds texts, what tells them apart.
        steps: in their order.
        width: how many columns the largest of them makes at once.
    """

    vocabularies: dict[int, Vocabulary]
    steps: tuple[Append, ...]
    width: int


def compile_steps(program: Program) -> Compiled:
    """Makes functions of a program's steps: numbers are float64, NaN where missing, and texts are codes."""
    vocabularies = _vocabularies(program)
    appending: list[Append] = []
    width = 1
    for step in program.steps:
        if isinstance(step, Trees):
            append, columns = ensemble(step, vocabularies)
            appending.append(append)
            width = max(width, columns)
        else:
            appending.append(_COMPILERS[type(step)](step, vocabularies))
    return Compiled(vocabularies, tuple(appending), width)


def _vocabularies(program: Program) -> dict[int, Vocabulary]:
    """One for each input that holds texts, shared by the registers in which missing ones were filled."""
    source = {n: n for n, each in enumerate(program.inputs) if each.is_text}
    texts: dict[int, set[str]] = {n: set() for n in source}
    for n, each in enumerate(program.inputs):
        if n in source and each.known is not None:
            texts[n].update(map(str, each.known))
    defined = len(program.inputs)
    for step in program.steps:
        if isinstance(step, Trees):
            for feature, chosen in zip(step.feature, step.set, strict=True):
                if chosen != -1 and step.of[feature] in source:
                    texts[source[step.of[feature]]].update(step.sets[chosen])
        elif isinstance(step, Fill) and step.of in source:
            source[defined] = source[step.of]
            texts[source[step.of]].add(str(step.value))
        elif isinstance(step, Lookup) and step.of in source:
            texts[source[step.of]].update(step.table)
        defined += step_outputs(step)
    made = {n: Vocabulary(found) for n, found in texts.items()}
    return {register: made[n] for register, n in source.items()}


def is_known(values: FloatArray, known: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether each number is one of these, which are sorted."""
    return _positions(values, known)[1]


def _positions(values: FloatArray, keys: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    if len(keys) == 0:
        return np.zeros(len(values), dtype=np.intp), np.zeros(len(values), dtype=bool)
    position = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return position, keys[position] == values


def _affine(step: Affine, _: dict[int, Vocabulary]) -> Append:
    of, operations = step.of, tuple((_OPERATIONS[name], operand) for name, operand in step.operations)

    def affine(registers: Registers, _: int) -> None:
        value = registers[of]
        for operation, operand in operations:
            value = operation(value, operand)
        registers.append(value)

    return affine


def _clip(step: Clip, _: dict[int, Vocabulary]) -> Append:
    of, minimum, maximum = step.of, step.minimum, step.maximum

    def clip(registers: Registers, _: int) -> None:
        value = registers[of]
        registers.append(np.where(value < minimum, minimum, np.where(value > maximum, maximum, value)))

    return clip


def _function(step: Function, _: dict[int, Vocabulary]) -> Append:
    of, function = step.of, _FUNCTIONS[step.name]
    return lambda registers, _: registers.append(function(registers[of]))


def _fill(step: Fill, vocabularies: dict[int, Vocabulary]) -> Append:
    of = step.of
    if of in vocabularies:
        code = vocabularies[of].code(str(step.value))
        return lambda registers, _: registers.append(np.where(registers[of] == MISSING, code, registers[of]))
    filling = step.value
    return lambda registers, _: registers.append(np.where(np.isnan(registers[of]), filling, registers[of]))


def _missing(step: Missing, vocabularies: dict[int, Vocabulary]) -> Append:
    of = step.of
    if of in vocabularies:
        return lambda registers, _: registers.append((registers[of] == MISSING).astype(np.float64))
    return lambda registers, _: registers.append(np.isnan(registers[of]).astype(np.float64))


def _lookup(step: Lookup, vocabularies: dict[int, Vocabulary]) -> Append:
    of, unknown, missing = step.of, step.unknown, step.missing
    if of in vocabularies:
        read = vocabularies[of].reader(step.table, unknown, missing)
        return lambda registers, _: registers.append(read(registers[of]))
    keys = np.array(list(step.table), dtype=np.float64)
    table = np.array([*step.table.values(), unknown], dtype=np.float64)

    def lookup(registers: Registers, _: int) -> None:
        value = registers[of]
        position, found = _positions(value, keys)
        result = table[np.where(found, position, len(keys))]
        result[np.isnan(value)] = missing
        registers.append(result)

    return lookup


def _linear(step: Linear, _: dict[int, Vocabulary]) -> Append:
    terms = tuple(zip(step.of, step.weights, strict=True))
    intercept = step.intercept

    def linear(registers: Registers, rows: int) -> None:
        # One after the other, as the interpreter adds; numpy's own sums and products do so in another order.
        total = np.full(rows, intercept)
        term = np.empty_like(total)
        for register, weight in terms:
            np.multiply(registers[register], weight, out=term)
            total += term
        registers.append(total)

    return linear


def _one_by_one(name: str) -> Callable[[FloatArray], FloatArray]:
    # As the interpreter has it: numpy's own differs in the last bit on some processors.
    function = FUNCTIONS[name]
    return lambda values: np.fromiter(map(function, values.tolist()), np.float64, len(values))


_OPERATIONS: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "subtract": np.subtract,
    "divide": np.divide,
    "multiply": np.multiply,
    "add": np.add,
}
_FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    **{name: _one_by_one(name) for name in FUNCTIONS},
    "abs": np.abs,
    "sqrt": np.sqrt,  # NaN below 0
    "square": np.square,
    # 0 has no sign.
    "sign": lambda values: np.sign(values) + 0.0,
    "trunc": lambda values: np.trunc(values) + 0.0,
    "floor": lambda values: np.floor(values) + 0.0,
    "ceil": lambda values: np.ceil(values) + 0.0,
    "relu": lambda values: np.where(values <= 0, 0.0, values),
    "reciprocal": lambda values: 1 / (values + 0.0),
    "exp": exp_of,
    "expit": expit,
}
_COMPILERS: dict[type, Callable[[Any, dict[int, Vocabulary]], Append]] = {
    Affine: _affine,
    Clip: _clip,
    Function: _function,
    Fill: _fill,
    Missing: _missing,
    Lookup: _lookup,
    Linear: _linear,
    **FORMULA_COMPILERS,
}
