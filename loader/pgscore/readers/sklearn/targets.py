"""Reader of TransformedTargetRegressor: what was done to the target is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn
from pgscore.readers.dispatch import part_name, predict
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

_FUNCTIONS: dict[Any, str] = {
    np.exp: "exp", np.expm1: "expm1", np.log: "log", np.log1p: "log1p", np.log10: "log10", np.sqrt: "sqrt",
    np.square: "square", np.abs: "abs", np.tanh: "tanh", np.reciprocal: "reciprocal",
}  # fmt: skip


def read_transformed_target(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The regressor's value, behind the inverse of the target's transformer."""
    inner = estimator.regressor_
    registers = writer.outputs(predict(inner, table, writer), part_name(inner, None))
    if len(registers) != 1:
        raise NotAProgramError(part, "predicts several values at once")
    return Result([_inverted(estimator.transformer_, registers[0], writer, part)], "identity")


def _inverted(transformer: Any, register: int, writer: Writer, part: str) -> int:  # noqa: ANN401
    if isinstance(transformer, Pipeline):
        for _, step in reversed(transformer.steps):
            register = _inverted(step, register, writer, part)
        return register
    if type(transformer) is FunctionTransformer:
        return _function(transformer, register, writer, part)
    operations = list(_operations(transformer, part))
    # They check for infinity.
    writer.domains.require(part, [NumberColumn(register)], missing=True)
    # One after the other, as they round.
    for name, operand in operations:
        register = writer.add({"step": "affine", "of": register, name: operand})
    return register


def _function(transformer: FunctionTransformer, register: int, writer: Writer, part: str) -> int:
    if transformer.validate:
        writer.domains.require(part, [NumberColumn(register)], missing=False)
    function = transformer.inverse_func
    if function is None:
        return register
    if not isinstance(function, np.ufunc) or function not in _FUNCTIONS or transformer.inv_kw_args:
        name = getattr(function, "__name__", type(function).__name__)
        raise NotAProgramError(
            part, f"undoes its target's transformation by {name}, and a program knows {', '.join(_FUNCTIONS.values())}"
        )
    return writer.add({"step": "function", "of": register, "name": _FUNCTIONS[function]})


def _operations(transformer: Any, part: str) -> Iterator[tuple[str, float]]:  # noqa: ANN401
    """What inverse_transform of a scaler does, in its order."""
    kind = type(transformer)
    if kind is MinMaxScaler:
        yield "subtract", float(transformer.min_[0])
        yield "divide", float(transformer.scale_[0])
    elif kind in (StandardScaler, RobustScaler, MaxAbsScaler):
        scale = transformer.scale_
        center = getattr(transformer, "center_" if kind is RobustScaler else "mean_", None)
        is_centered = getattr(transformer, "with_centering" if kind is RobustScaler else "with_mean", False)
        if scale is not None and getattr(transformer, "with_std", True) and getattr(transformer, "with_scaling", True):
            yield "multiply", float(scale[0])
        if is_centered and center is not None:
            yield "add", float(center[0])
    else:
        raise NotAProgramError(part, f"transforms its target by a {kind.__name__}, which a program cannot undo")


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.compose.TransformedTargetRegressor": read_transformed_target,
}
