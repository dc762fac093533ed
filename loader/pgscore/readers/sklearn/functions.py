"""Reader of FunctionTransformer: numpy's and scipy's functions of each number, numpy.clip, and pandas' expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special  # type: ignore[import-untyped]

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import FUNCTIONS, CodeColumn, NumberColumn, Operation, Table

from .expressions import read_expressions

if TYPE_CHECKING:
    from sklearn.preprocessing import FunctionTransformer

    from pgscore.readers.algebra.columns import Column
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

# What is done to a number.
_OPERATIONS: dict[Any, tuple[Operation, ...]] = {
    **{function: (Operation(name),) for name, function in FUNCTIONS.items()},
    np.fabs: (Operation("abs"),),
    np.negative: (Operation("multiply", -1.0),),
    np.positive: (),
}
# Those that have no side of a border that a test behind them could be folded to: a step for each.
_STEPS: dict[Any, str] = {
    np.reciprocal: "reciprocal",
    np.sin: "sin",
    np.cos: "cos",
    special.expit: "expit",
    special.logit: "logit",
}
# Infinitely steep somewhere.
_STEEP = (np.reciprocal, special.logit)
# Of booleans numpy computes these as they are; the others in half precision, or not at all.
_OF_BOOLEANS = (np.abs, np.sqrt, np.square, np.positive)
_KNOWN = "numpy.clip, pandas.DataFrame.eval, and " + ", ".join(
    sorted({each.__name__ for each in (*_OPERATIONS, *_STEPS)} - {"<lambda>"})
)


def read_function(transformer: FunctionTransformer, table: Table, writer: Writer, part: str) -> Table:
    """What a function makes of columns, where programs know it."""
    function, arguments = transformer.func, dict(transformer.kw_args or {})
    if transformer.validate:
        writer.domains.require(part, table.columns, missing=False)
    if function is None:
        return table
    if function is pd.DataFrame.eval:
        return read_expressions(transformer, arguments, table, writer, part)
    # Functions of users may have an equality, or no hash, of their own.
    is_known = isinstance(function, np.ufunc) and (function in _OPERATIONS or function in _STEPS)
    if not is_known and function is not np.clip:
        name = getattr(function, "__name__", type(function).__name__)
        raise NotAProgramError(part, f"calls the function {name}, and a program knows {_KNOWN}")
    if function not in _OF_BOOLEANS and any(is_boolean(column, writer) for column in table.columns):
        raise NotAProgramError(
            part, f"calls {function.__name__} of a boolean, which numpy does not compute as a double"
        )
    if function is np.clip:
        return writer.then(table, part, [_clipping(arguments, part)] * len(table.columns))
    if arguments:
        raise NotAProgramError(part, "calls its function with arguments")
    if function in _STEPS:
        registers = [writer.register(column) for column in table.numbers(part)]
        if function in _STEEP:
            writer.domains.refuse_rough(*registers)
        found = [NumberColumn(writer.function(_STEPS[function], register)) for register in registers]
        return Table(tuple(found), table.sparse)
    return writer.then(table, part, [_OPERATIONS[function]] * len(table.columns))


def is_boolean(column: Column, writer: Writer) -> bool:
    """Whether a column is a boolean, that nothing has made a number of."""
    if isinstance(column, CodeColumn):
        return column.boolean
    return isinstance(column, NumberColumn) and not column.operations and writer.domains.is_boolean(column.source)


def _clipping(arguments: dict[str, Any], part: str) -> list[Operation]:
    """The ends of numpy.clip, which are ``a_min`` and ``a_max``, or ``min`` and ``max`` since numpy 2.1."""
    found = []
    for end, names in (("minimum", ("a_min", "min")), ("maximum", ("a_max", "max"))):
        values = [value for name in names if (value := arguments.pop(name, None)) is not None]
        if len(values) > 1 or (values and not isinstance(values[0], int | float | np.number)):
            raise NotAProgramError(part, "clips at something else than one number for all columns")
        found += [Operation(end, float(each)) for each in values]
    if arguments:
        raise NotAProgramError(part, f"calls numpy.clip with {', '.join(sorted(arguments))}")
    ends = {each.name: each.operand for each in found}
    if not np.isfinite(list(ends.values())).all() or ends.get("minimum", -np.inf) > ends.get("maximum", np.inf):
        raise NotAProgramError(part, "clips at ends that are no interval of numbers")
    return found


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.FunctionTransformer": read_function,
}
