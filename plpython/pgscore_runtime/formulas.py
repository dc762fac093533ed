"""Steps that make numbers of several registers by a formula: what each is, how it is read, and how it is walked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from math import nan, tanh
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import choice, fields, integer, items, members, number, numbers, refuse
from .functions import power_of_e, quotient
from .links import check_scores, link_function, link_outputs, read_link

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .links import Link
    from .scope import Scope

_MOST_SCORES = 1000
_MOST_FACTORS = 100
_MOST_COEFFICIENTS = 20
_MOST_DEGREE = 20
_LARGEST_WEIGHT = 1e300
KERNELS = ("rbf", "poly", "sigmoid")


class LinkStep(NamedTuple):
    """A link of registers, as scores have it."""

    of: tuple[int, ...]
    link: Link

    @property
    def outputs(self) -> int:
        """How many registers it defines."""
        return link_outputs(self.link, len(self.of))


class Product(NamedTuple):
    """Registers, multiplied from left to right."""

    of: tuple[int, ...]


class Ratio(NamedTuple):
    """A register over another one."""

    of: tuple[int, ...]


class Piecewise(NamedTuple):
    """A polynomial in each interval between knots, in powers of what is beyond the knot to the left.

    Attributes:
        of: the register.
        knots: ascending.
        pieces: for each interval its coefficients, that of the highest power first; empty where there is no number.
            The one before all knots is in powers of what is beyond the first.
        is_left_closed: whether a knot belongs to the interval that begins at it.
        missing: what is given where the register's number is missing.
    """

    of: int
    knots: tuple[float, ...]
    pieces: tuple[tuple[float, ...], ...]
    is_left_closed: bool
    missing: float


class Quadratic(NamedTuple):
    """The sum of squares of what rows of a matrix, or without one the registers themselves, make of differences."""

    of: tuple[int, ...]
    center: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...] | None


class Median(NamedTuple):
    """The weighted median of registers: the least that, with all that are no larger, has half of the weight."""

    of: tuple[int, ...]
    weights: tuple[float, ...]


class Kernel(NamedTuple):
    """A weighted sum of kernels of the registers and vectors."""

    of: tuple[int, ...]
    kernel: str
    vectors: tuple[tuple[float, ...], ...]
    coefficients: tuple[float, ...]
    intercept: float
    gamma: float
    constant: float
    degree: int


def _read_link_step(found: dict[str, Any], place: str, scope: Scope) -> LinkStep:
    fields(found, place, ("step", "of", "link"))
    of = scope.registers(found["of"], f"{place}.of")
    link = read_link(found["link"], f"{place}.link")
    check_scores(link, len(of), f"the number of registers in {place}.of", _MOST_SCORES)
    return LinkStep(of, link)


def _of(found: dict[str, Any], place: str, scope: Scope, least: int, most: int) -> tuple[int, ...]:
    of = scope.registers(found["of"], f"{place}.of")
    integer(len(of), f"the number of registers in {place}.of", least, most)
    return of


def _read_product(found: dict[str, Any], place: str, scope: Scope) -> Product:
    fields(found, place, ("step", "of"))
    return Product(_of(found, place, scope, 2, _MOST_FACTORS))


def _read_ratio(found: dict[str, Any], place: str, scope: Scope) -> Ratio:
    fields(found, place, ("step", "of"))
    return Ratio(_of(found, place, scope, 2, 2))


def _read_piecewise(found: dict[str, Any], place: str, scope: Scope) -> Piecewise:
    fields(found, place, ("step", "of", "knots", "coefficients", "closed", "missing"))
    of = scope.operand(found, place)
    knots = members(found["knots"], f"{place}.knots", texts=False)
    integer(len(knots), f"the number of {place}.knots", 1, scope.constants.most)
    listed = items(found["coefficients"], f"{place}.coefficients")
    if len(listed) != len(knots) + 1:
        refuse(f"{place}.coefficients", f"has {len(listed):,} entries for {len(knots):,} knots")
    pieces = tuple(() if each is None else _piece(each, f"{place}.coefficients[{n}]") for n, each in enumerate(listed))
    scope.constants.spend(len(knots) + sum(map(len, pieces)), place)
    closed = choice(found["closed"], f"{place}.closed", ("left", "right"))
    missing = nan if found["missing"] is None else number(found["missing"], f"{place}.missing")
    return Piecewise(of, tuple(knots), pieces, closed == "left", missing)


def _piece(found: Any, place: str) -> tuple[float, ...]:  # noqa: ANN401
    coefficients = numbers(found, place)
    integer(len(coefficients), f"the number of {place}", 1, _MOST_COEFFICIENTS)
    return tuple(reversed(coefficients))


def _read_quadratic(found: dict[str, Any], place: str, scope: Scope) -> Quadratic:
    fields(found, place, ("step", "of", "center"), ("matrix",))
    of = _of(found, place, scope, 1, scope.constants.most)
    center = _row(found["center"], f"{place}.center", len(of), scope)
    matrix = _rows(found["matrix"], f"{place}.matrix", len(of), scope) if "matrix" in found else None
    return Quadratic(of, center, matrix)


def _row(found: Any, place: str, width: int, scope: Scope) -> tuple[float, ...]:  # noqa: ANN401
    row = numbers(found, place)
    if len(row) != width:
        refuse(place, f"has {len(row):,} entries for {width:,} registers")
    scope.constants.spend(width, place)
    return tuple(row)


def _rows(found: Any, place: str, width: int, scope: Scope) -> tuple[tuple[float, ...], ...]:  # noqa: ANN401
    listed = items(found, place)
    integer(len(listed), f"the number of {place}", 1, scope.constants.most)
    return tuple(_row(each, f"{place}[{n}]", width, scope) for n, each in enumerate(listed))


def _read_kernel(found: dict[str, Any], place: str, scope: Scope) -> Kernel:
    kernel = choice(found.get("kernel"), f"{place}.kernel", KERNELS)
    optional = {"rbf": (), "poly": ("constant", "degree"), "sigmoid": ("constant",)}[kernel]
    fields(found, place, ("step", "of", "kernel", "vectors", "coefficients", "intercept", "gamma", *optional))
    of = _of(found, place, scope, 1, scope.constants.most)
    vectors = _rows(found["vectors"], f"{place}.vectors", len(of), scope)
    coefficients = numbers(found["coefficients"], f"{place}.coefficients")
    if len(coefficients) != len(vectors):
        refuse(f"{place}.coefficients", f"has {len(coefficients):,} entries for {len(vectors):,} vectors")
    scope.constants.spend(len(coefficients), f"{place}.coefficients")
    return Kernel(
        of,
        kernel,
        vectors,
        tuple(coefficients),
        number(found["intercept"], f"{place}.intercept"),
        number(found["gamma"], f"{place}.gamma"),
        number(found["constant"], f"{place}.constant") if "constant" in optional else 0.0,
        integer(found["degree"], f"{place}.degree", 1, _MOST_DEGREE) if "degree" in optional else 1,
    )


def _read_median(found: dict[str, Any], place: str, scope: Scope) -> Median:
    fields(found, place, ("step", "of", "weights"))
    of = _of(found, place, scope, 1, _MOST_SCORES)
    weights = numbers(found["weights"], f"{place}.weights")
    if len(weights) != len(of):
        refuse(f"{place}.weights", f"has {len(weights):,} entries for {len(of):,} registers")
    for n, weight in enumerate(weights):
        if not 0 <= weight <= _LARGEST_WEIGHT:
            refuse(f"{place}.weights[{n}]", f"is {weight!r}, not within 0 to {_LARGEST_WEIGHT!r}")
    return Median(of, tuple(weights))


def _link_step(step: LinkStep) -> Callable[[list[Any]], None]:
    of, function = step.of, link_function(step.link)
    return lambda registers: registers.extend(function([registers[register] for register in of]))


def _product(step: Product) -> Callable[[list[Any]], None]:
    first, *others = step.of

    def product(registers: list[Any]) -> None:
        value = registers[first]
        for register in others:
            value *= registers[register]
        registers.append(value)

    return product


def _ratio(step: Ratio) -> Callable[[list[Any]], None]:
    above, below = step.of
    return lambda registers: registers.append(quotient(registers[above], registers[below]))


def _piecewise(step: Piecewise) -> Callable[[list[Any]], None]:
    of, knots, pieces, missing = step.of, step.knots, step.pieces, step.missing
    bisect = bisect_right if step.is_left_closed else bisect_left

    def piecewise(registers: list[Any]) -> None:
        value = registers[of]
        if value != value:  # noqa: PLR0124  NaN
            registers.append(missing)
            return
        piece = bisect(knots, value)
        if not pieces[piece]:
            registers.append(nan)
            return
        total, *others = pieces[piece]
        if others:
            beyond = value - knots[max(piece - 1, 0)]
            for coefficient in others:
                total = total * beyond + coefficient
        registers.append(total)

    return piecewise


def _quadratic(step: Quadratic) -> Callable[[list[Any]], None]:
    centered, matrix = tuple(zip(step.of, step.center, strict=True)), step.matrix

    def quadratic(registers: list[Any]) -> None:
        differences = [registers[register] - center for register, center in centered]
        found = differences if matrix is None else [_dot(row, differences) for row in matrix]
        total = 0.0
        for each in found:
            total += each * each
        registers.append(total)

    return quadratic


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    total = 0.0
    for a, b in zip(one, other, strict=True):
        total += a * b
    return total


def _median(step: Median) -> Callable[[list[Any]], None]:
    of, weights = step.of, step.weights
    return lambda registers: registers.append(weighted_median([registers[register] for register in of], weights))


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The first of the values, sorted, at which twice the sum of the weights so far is that of all or more."""
    # NaN is behind all numbers, as numpy sorts.
    ranked = sorted(zip(values, weights, strict=True), key=lambda each: (each[0] != each[0], each[0]))
    sums = [*accumulate([weight for _, weight in ranked])]
    return next(value for (value, _), so_far in zip(ranked, sums, strict=True) if 2 * so_far >= sums[-1])


def _kernel(step: Kernel) -> Callable[[list[Any]], None]:
    of, intercept = step.of, step.intercept
    similar = {"rbf": _radial, "poly": _polynomial, "sigmoid": _sigmoid}[step.kernel](step)
    weighted = tuple(zip(step.vectors, step.coefficients, strict=True))

    def kernel(registers: list[Any]) -> None:
        values = [registers[register] for register in of]
        total = intercept
        for vector, coefficient in weighted:
            total += coefficient * similar(vector, values)
        registers.append(total)

    return kernel


def _radial(step: Kernel) -> Callable[[Sequence[float], Sequence[float]], float]:
    gamma = step.gamma

    def radial(vector: Sequence[float], values: Sequence[float]) -> float:
        total = 0.0
        for a, b in zip(values, vector, strict=True):
            total += (a - b) * (a - b)
        return power_of_e(-(gamma * total))

    return radial


def _polynomial(step: Kernel) -> Callable[[Sequence[float], Sequence[float]], float]:
    gamma, constant, others = step.gamma, step.constant, range(step.degree - 1)

    def polynomial(vector: Sequence[float], values: Sequence[float]) -> float:
        base = gamma * _dot(values, vector) + constant
        power = base
        for _ in others:
            power *= base
        return power

    return polynomial


def _sigmoid(step: Kernel) -> Callable[[Sequence[float], Sequence[float]], float]:
    gamma, constant = step.gamma, step.constant
    return lambda vector, values: tanh(gamma * _dot(values, vector) + constant)


Formula = LinkStep | Product | Ratio | Piecewise | Quadratic | Median | Kernel

FORMULA_READERS: dict[str, Callable[[dict[str, Any], str, Scope], Formula]] = {
    "link": _read_link_step,
    "product": _read_product,
    "ratio": _read_ratio,
    "piecewise": _read_piecewise,
    "quadratic": _read_quadratic,
    "median": _read_median,
    "kernel": _read_kernel,
}
FORMULA_COMPILERS: dict[type, Callable[[Any], Callable[[list[Any]], None]]] = {
    LinkStep: _link_step,
    Product: _product,
    Ratio: _ratio,
    Piecewise: _piecewise,
    Quadratic: _quadratic,
    Median: _median,
    Kernel: _kernel,
}
