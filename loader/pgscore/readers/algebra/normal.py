"""The inverse of the normal distribution as steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .columns import Operation
from .curves import piecewise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.writing.writer import Writer

# Those of ndtri in S. L. Moshier's Cephes, which scipy has; the highest power first, and of Q its 1, too.
_P0 = (
    -5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1, 1.39312609387279679503e1,
    -1.23916583867381258016e0,
)  # fmt: skip
_Q0 = (
    1.0, 1.95448858338141759834e0, 4.67627912898881538453e0, 8.63602421390890590575e1, -2.25462687854119370527e2,
    2.00260212380060660359e2, -8.20372256168333339912e1, 1.59056225126211695515e1, -1.18331621121330003142e0,
)  # fmt: skip
_P1 = (
    4.05544892305962419923e0, 3.15251094599893866154e1, 5.71628192246421288162e1, 4.40805073893200834700e1,
    1.46849561928858024014e1, 2.18663306850790267539e0, -1.40256079171354495875e-1, -3.50424626827848203418e-2,
    -8.57456785154685413611e-4,
)  # fmt: skip
_Q1 = (
    1.0, 1.57799883256466749731e1, 4.53907635128879210584e1, 4.13172038254672030440e1, 1.50425385692907503408e1,
    2.50464946208309415979e0, -1.42182922854787788574e-1, -3.80806407691578277194e-2, -9.33259480895457427372e-4,
)  # fmt: skip
_ROOT_OF_2_PI = 2.50662827463100050242
# exp(-2): below it, and as near to 1, the tails begin.
_TAIL = 0.13533528323661269189
# What is nearer to 0 or 1 than this takes other coefficients: exp(-32).
LEAST = 1.2664165549094176e-14


def write_normal_quantile(writer: Writer, register: int) -> int:
    """The register of the inverse of the normal distribution, of a probability between `LEAST` and 1 - `LEAST`.

    Both formulas are computed, of a number in their reach, and the one that holds is taken 1 time, the other 0 times.
    """
    is_centre = piecewise(writer, register, [_TAIL, 1 - _TAIL], [[0.0], [1.0], [0.0]], closed="right")
    side = piecewise(writer, register, [_TAIL, 1 - _TAIL], [[-1.0], [0.0], [1.0]], closed="right")
    centre = writer.add({"step": "product", "of": [is_centre, _centre(writer, register)]})
    tail = writer.add({"step": "product", "of": [side, _tail(writer, register)]})
    return writer.linear([centre, tail], [1.0, 1.0])


def _centre(writer: Writer, register: int) -> int:
    """(y + y * (y2 * P0(y2) / Q0(y2))) * sqrt(2 pi), of y = probability - 0.5 and y2 = y * y."""
    reach = [Operation("minimum", _TAIL), Operation("maximum", 1 - _TAIL), Operation("subtract", 0.5)]
    y = writer.number(register, reach)
    square = writer.function("square", y)
    above = writer.add({"step": "product", "of": [square, _polynomial(writer, square, _P0)]})
    quotient = writer.add({"step": "ratio", "of": [above, _polynomial(writer, square, _Q0)]})
    total = writer.linear([y, writer.add({"step": "product", "of": [y, quotient]})], [1.0, 1.0])
    return writer.number(total, [Operation("multiply", _ROOT_OF_2_PI)])


def _tail(writer: Writer, register: int) -> int:
    """X - log(x) / x - z * P1(z) / Q1(z), of x = sqrt(-2 log(probability)) and z = 1 / x; 1 - probability above 0.5."""
    is_below = piecewise(writer, register, [0.5], [[1.0], [0.0]])
    is_above = piecewise(writer, register, [0.5], [[0.0], [1.0]])
    other = writer.number(register, [Operation("multiply", -1.0), Operation("add", 1.0)])
    sides = [writer.add({"step": "product", "of": pair}) for pair in ([is_below, register], [is_above, other])]
    y = writer.number(writer.linear(sides, [1.0, 1.0]), [Operation("maximum", _TAIL)])
    x = writer.number(y, [Operation("log"), Operation("multiply", -2.0), Operation("sqrt")])
    first = writer.linear([x, writer.add({"step": "ratio", "of": [writer.function("log", x), x]})], [1.0, -1.0])
    z = writer.function("reciprocal", x)
    above = writer.add({"step": "product", "of": [z, _polynomial(writer, z, _P1)]})
    second = writer.add({"step": "ratio", "of": [above, _polynomial(writer, z, _Q1)]})
    return writer.linear([first, second], [1.0, -1.0])


def _polynomial(writer: Writer, register: int, coefficients: Sequence[float]) -> int:
    """The polynomial of a number that is not negative: in what is beyond the knot 0."""
    rising = list(reversed(coefficients))
    return piecewise(writer, register, [0.0], [[0.0], rising])
