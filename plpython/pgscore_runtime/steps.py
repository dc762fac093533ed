"""The steps of a program: what each is, and how it is read. `docs/program.md` says what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import choice, fields, items, members, number, numbers, refuse, shown, text
from .functions import FUNCTIONS
from .tree_arrays import Trees, read_trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from .formulas import Formula
    from .scope import Scope

# Read by a module of their own, which a backend is not to pay for where a program has none of them.
_FORMULAS = ("link", "product", "ratio", "median", "piecewise", "quadratic", "kernel")
_STEPS = ("affine", "clip", "function", "fill", "missing", "lookup", "linear", *_FORMULAS, "trees")
# Named tuples, not data classes: importing those costs a backend 5 ms on its first insert.
_AFFINE = ("subtract", "divide", "multiply", "add")


class Affine(NamedTuple):
    """A number with operations applied: pairs of name and operand, in order."""

    of: int
    operations: tuple[tuple[str, float], ...]


class Clip(NamedTuple):
    """A number within bounds; infinite ones where there are none."""

    of: int
    minimum: float
    maximum: float


class Function(NamedTuple):
    """One of `functions.FUNCTIONS` of a number."""

    of: int
    name: str


class Fill(NamedTuple):
    """A value, and another one where it is missing."""

    of: int
    value: float | str


class Missing(NamedTuple):
    """1 where a value is missing, else 0."""

    of: int


class Lookup(NamedTuple):
    """A number for each key."""

    of: int
    table: dict[Any, float]
    unknown: float
    missing: float


class Linear(NamedTuple):
    """A weighted sum of registers; the center is what reasons count their numbers from, and scoring ignores it."""

    of: tuple[int, ...]
    weights: tuple[float, ...]
    intercept: float
    center: tuple[float, ...] | None = None


if TYPE_CHECKING:
    Step = Affine | Clip | Function | Fill | Missing | Lookup | Linear | Formula | Trees


def read_step(found: Any, place: str, scope: Scope) -> Step:  # noqa: ANN401
    """Reads one step, and defines its registers in the scope.

    Raises:
        Refusal: something in it is not as `docs/program.md` says; the message names the place.
    """
    if type(found) is not dict:
        refuse(place, f"is {shown(found)}, not an object")
    name = found.get("step")
    if type(name) is not str or name not in _STEPS:
        refuse(f"{place}.step", f"is {shown(name)}, not one of {', '.join(_STEPS)}")
    step = _reader(name)(found, place, scope)
    scope.texts.extend([isinstance(step, Fill) and isinstance(step.value, str)] * step_outputs(step))
    return step


def _reader(name: str) -> Callable[[dict[str, Any], str, Scope], Step]:
    if name not in _FORMULAS:
        return _READERS[name]
    from .formulas import FORMULA_READERS

    return FORMULA_READERS[name]


def step_outputs(step: Step) -> int:
    """How many registers a step defines."""
    if isinstance(step, Trees):
        return len(step.base)
    outputs: int = getattr(step, "outputs", 1)
    return outputs


def _affine(found: dict[str, Any], place: str, scope: Scope) -> Affine:
    fields(found, place, ("step", "of"), _AFFINE)
    operations = tuple((name, number(found[name], f"{place}.{name}")) for name in _AFFINE if name in found)
    if ("divide", 0.0) in operations:
        refuse(f"{place}.divide", "is 0")
    return Affine(scope.operand(found, place), operations)


def _clip(found: dict[str, Any], place: str, scope: Scope) -> Clip:
    fields(found, place, ("step", "of"), ("minimum", "maximum"))
    infinity = float("inf")
    minimum = number(found["minimum"], f"{place}.minimum") if "minimum" in found else -infinity
    maximum = number(found["maximum"], f"{place}.maximum") if "maximum" in found else infinity
    if minimum > maximum:
        refuse(f"{place}.minimum", "is above the maximum")
    return Clip(scope.operand(found, place), minimum, maximum)


def _function(found: dict[str, Any], place: str, scope: Scope) -> Function:
    fields(found, place, ("step", "of", "name"))
    return Function(scope.operand(found, place), choice(found["name"], f"{place}.name", tuple(FUNCTIONS)))


def _fill(found: dict[str, Any], place: str, scope: Scope) -> Fill:
    fields(found, place, ("step", "of", "with"))
    of = scope.operand(found, place, texts=None)
    read = text if scope.texts[of] else number
    return Fill(of, read(found["with"], f"{place}.with"))


def _missing(found: dict[str, Any], place: str, scope: Scope) -> Missing:
    fields(found, place, ("step", "of"))
    return Missing(scope.operand(found, place, texts=None))


def _lookup(found: dict[str, Any], place: str, scope: Scope) -> Lookup:
    fields(found, place, ("step", "of", "keys", "values", "unknown", "missing"))
    of = scope.operand(found, place, texts=None)
    keys = members(found["keys"], f"{place}.keys", texts=scope.texts[of])
    scope.keys.spend(len(keys), f"{place}.keys")
    values = items(found["values"], f"{place}.values")
    if len(values) != len(keys):
        refuse(f"{place}.values", f"has {len(values):,} entries for {len(keys):,} keys")
    table = {
        key: _or_nan(value, f"{place}.values[{n}]") for n, (key, value) in enumerate(zip(keys, values, strict=True))
    }
    return Lookup(
        of, table, _or_nan(found["unknown"], f"{place}.unknown"), _or_nan(found["missing"], f"{place}.missing")
    )


def _or_nan(found: Any, place: str) -> float:  # noqa: ANN401
    return float("nan") if found is None else number(found, place)


def _linear(found: dict[str, Any], place: str, scope: Scope) -> Linear:
    fields(found, place, ("step", "of", "weights", "intercept"), ("center",))
    of = scope.registers(found["of"], f"{place}.of")
    lists = {name: numbers(found[name], f"{place}.{name}") for name in ("weights", "center") if name in found}
    for name, each in lists.items():
        if len(each) != len(of):
            refuse(f"{place}.{name}", f"has {len(each):,} entries for {len(of):,} registers")
    center = tuple(lists["center"]) if "center" in lists else None
    return Linear(of, tuple(lists["weights"]), number(found["intercept"], f"{place}.intercept"), center)


def _trees(found: dict[str, Any], place: str, scope: Scope) -> Trees:
    of = scope.registers(found.get("of"), f"{place}.of", texts=None)
    return read_trees(found, place, of, [scope.texts[register] for register in of], scope.nodes, scope.keys)


_READERS: dict[str, Callable[[dict[str, Any], str, Scope], Step]] = {
    "affine": _affine,
    "clip": _clip,
    "function": _function,
    "fill": _fill,
    "missing": _missing,
    "lookup": _lookup,
    "linear": _linear,
    "trees": _trees,
}
