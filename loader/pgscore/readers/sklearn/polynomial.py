"""Reader of PolynomialFeatures."""

from __future__ import annotations

from itertools import chain, combinations, combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation, Table, constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sklearn.preprocessing import PolynomialFeatures

    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

# What a step of products takes.
_MOST_FACTORS = 100


def read_polynomial_features(polynomial: PolynomialFeatures, table: Table, writer: Writer, part: str) -> Table:
    """Products of columns, in the order of their combinations.

    `PolynomialFeatures.transform` multiplies each product of a lower degree by the column before it, so from the last
    to the first; of a sparse matrix from the first to the last.
    """
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    if polynomial._max_degree > _MOST_FACTORS:
        raise NotAProgramError(part, f"has a degree above {_MOST_FACTORS}")
    found = []
    for combination in _combinations(polynomial, len(columns)):
        factors = [columns[n] for n in (combination if table.sparse else reversed(combination))]
        product = _product(factors, writer) if factors else constant(columns[0], 1.0)
        if table.sparse and len(factors) > 2 and isinstance(product, NumberColumn):  # noqa: PLR2004
            # What overflows and is multiplied by 0 is no number; zeros of a sparse matrix are not there to multiply.
            filled = {"step": "fill", "of": writer.register(product), "with": 0.0}
            product = NumberColumn(writer.add(filled))
        found.append(product)
    return Table(tuple(found), table.sparse)


def _combinations(polynomial: PolynomialFeatures, columns: int) -> Iterator[tuple[int, ...]]:
    """As `PolynomialFeatures._combinations` gives them."""
    combined = combinations if polynomial.interaction_only else combinations_with_replacement
    least = max(1, polynomial._min_degree)
    found = chain.from_iterable(combined(range(columns), degree) for degree in range(least, polynomial._max_degree + 1))
    return chain([()] if polynomial.include_bias else [], found)


def _product(factors: list[NumberColumn | CodeColumn], writer: Writer) -> NumberColumn | CodeColumn:
    first = factors[0]
    if len(factors) == 1:
        return first
    square = Operation("square")
    if len(factors) == 2 and first is factors[1] and isinstance(first, NumberColumn) and first.takes([square]):  # noqa: PLR2004
        return first.then(square)
    codes = [each for each in factors if isinstance(each, CodeColumn) and each.source == first.source]
    if len(codes) == len(factors):
        return _product_of_codes(codes)
    registers = [writer.register(each) for each in factors]
    return NumberColumn(writer.add({"step": "product", "of": registers}))


def _product_of_codes(codes: list[CodeColumn]) -> CodeColumn:
    """Of columns of one input, again a number for each of its values."""
    keys = sorted({key for each in codes for key in each.keys})
    values = codes[0].values_of(keys)
    unknown, missing = codes[0].unknown, codes[0].missing
    for each in codes[1:]:
        values = values * each.values_of(keys)
        unknown, missing = unknown * each.unknown, missing * each.missing
    if not np.any(values) and unknown == missing == 0:
        keys, values = [], values[:0]
    return CodeColumn(codes[0].source, tuple(keys), values, unknown, missing)


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.PolynomialFeatures": read_polynomial_features,
}
