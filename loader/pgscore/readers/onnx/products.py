"""Operators that add: products with matrices, linear models, sums over columns.

onnxruntime adds float32 in an order of its processor's, rounding each product and each sum once at most (MLAS's sgemm),
so that a sum of n products is off by no more than n + 1 roundings of its absolute terms. A sum past float32's range is
infinite. Nothing is tested behind one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import NumberColumn, Operation
from pgscore.readers.algebra.curves import piecewise
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.steps import defines

from .single import ROUNDED
from .values import DOUBLE, MOST_WEIGHTS, SINGLE, Label, Linked, LogSumExp, Value, shaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from .values import Context, Number, Operator

_LOGISTIC = 16.0
_SINGLE_END = 2.0**-925
_TWO = 2


def sums(
    context: Context, value: Value, weights: npt.NDArray[Any], starts: Sequence[float], *, kind: str | None = None
) -> Value:
    """For each row of weights the sum of the columns times these, and its start.

    Raises:
        NotAProgramError: there are more weights than are scored in good time, or one is not finite.
    """
    node = context.node
    weights = np.asarray(weights, dtype=np.float64)
    kind = kind or value.kind
    if weights.ndim != _TWO or weights.shape[1] != value.cells.size:
        raise node.refuse(f"has {weights.shape[-1]} weights for each sum, and {value.cells.size} columns")
    if weights.size > MOST_WEIGHTS:
        raise node.refuse(f"has {weights.size:,} weights, and a program takes up to {MOST_WEIGHTS:,} in all")
    context.weigh(weights.size)
    if not (np.isfinite(weights).all() and np.isfinite(starts).all()):
        raise node.refuse("has weights that are not finite")
    columns = context.loose(value)
    registers = [
        write_linear(columns, row, float(start), context.writer, finite=False, folded=kind == SINGLE)
        for row, start in zip(weights, starts, strict=True)
    ]
    roundings = value.roundings + (weights.shape[1] + 2.0 if kind == SINGLE else 0.0)
    most = float(np.abs(weights).sum(axis=1).max(initial=0.0))
    beside = value.absolute * most if value.absolute else 0.0
    return Value(shaped(context.summed(registers, single=kind == SINGLE), (len(registers),)), kind, roundings, beside)


def _floats(context: Context, position: int) -> Value:
    value = context.numbers(position)
    if value.kind not in (SINGLE, DOUBLE) or value.cells.ndim != 1:
        raise context.node.refuse("multiplies what is no row of float32 or double")
    return value


def gemm(context: Context) -> Value:
    """Gemm: alpha x B + beta C."""
    node = context.node
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    if node.integer("transA", 0):
        raise node.refuse("turns rows into columns")
    value, matrix = _floats(context, 0), context.constant(1)
    if matrix is None or matrix.ndim != _TWO:
        raise node.refuse("multiplies by what is no matrix")
    weights = (matrix if node.integer("transB", 0) else matrix.T).astype(np.float64) * alpha
    beside = context.node.inputs[2] if len(node.inputs) > _TWO else None
    if beside is not None and not isinstance(beside, np.ndarray):
        return _with_columns(context, value, weights, beta)
    try:
        starts = np.zeros(len(weights)) if beside is None else np.broadcast_to(_row(beside), (len(weights),)) * beta
    except ValueError:
        raise node.refuse("adds a constant of another shape than its sums") from None
    return sums(context, value, weights, starts.astype(np.float64).tolist())


def _with_columns(context: Context, value: Value, weights: npt.NDArray[Any], beta: float) -> Value:
    added = context.numbers(2)
    if added.kind != value.kind or added.cells.ndim != 1 or added.cells.size not in (1, len(weights)):
        raise context.node.refuse("adds columns of another shape than its sums")
    of = shaped([*value.columns, *added.columns], (value.cells.size + added.cells.size,))
    beside = np.full((len(weights), 1), beta) if added.cells.size == 1 else np.eye(len(weights)) * beta
    both = Value(of, value.kind, max(value.roundings, added.roundings), max(value.absolute, added.absolute))
    return sums(context, both, np.hstack([weights, beside]), [0.0] * len(weights))


def _row(constant: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A constant that is one row."""
    return constant[0] if constant.ndim == _TWO and len(constant) == 1 else np.asarray(constant).reshape(-1)


def matmul(context: Context) -> Value:
    """MatMul: with a constant matrix."""
    value, matrix = _floats(context, 0), context.constant(1)
    if matrix is None or matrix.ndim not in (1, _TWO):
        raise context.node.refuse("multiplies by what is no matrix")
    if matrix.ndim == 1:
        found = sums(context, value, matrix.reshape(1, -1), [0.0])
        return replace(found, cells=found.cells.reshape(()))
    return sums(context, value, matrix.T, [0.0] * matrix.shape[1])


def labels_of(context: Context) -> tuple[Any, ...]:
    """The labels of a classifier of ai.onnx.ml: texts, or integers."""
    node = context.node
    texts, numbers = node.texts("classlabels_strings"), node.integers(
        "classlabels_ints" if node.operator in ("LinearClassifier", "SVMClassifier") else "classlabels_int64s"
    )  # fmt: skip
    return tuple(texts) or tuple(numbers)


def as_single(value: Value) -> Value:
    """A tensor cast to float32."""
    if value.single:
        return value
    columns = [each.then(ROUNDED) for each in value.columns]
    return Value(shaped(columns, value.cells.shape), SINGLE, value.roundings + 1.0, value.absolute)


def linear_classifier(context: Context) -> list[Any]:
    """LinearClassifier: x W + b in float32, the largest of the sums, or whether the only one is above 0.

    onnxruntime's linearclassifier.cc: of one sum for two classes the scores are logistic, or without LOGISTIC 1 - s and
    s, whatever else the transform (`batched_update_scores_inplace` with `add_second_class` 1).
    """
    node = context.node
    labels, transform = labels_of(context), node.text("post_transform", "NONE")
    node.ignore("multi_class")
    starts, weights = node.numbers("intercepts"), node.numbers("coefficients")
    value = as_single(_ml_numbers(context))
    if not starts or len(weights) != len(starts) * value.cells.size:
        raise node.refuse("has another number of coefficients than its intercepts and columns ask for")
    if len(labels) != max(_TWO, len(starts)):
        raise node.refuse("has another number of labels than of sums")
    found = sums(context, value, np.reshape(weights, (len(starts), -1)), starts)
    if len(starts) == 1:
        return _of_one_sum(context, found, labels, transform)
    scores = transformed(context, found, transform)
    return [Label(found, labels), scores]


def _of_one_sum(context: Context, found: Value, labels: tuple[Any, ...], transform: str) -> list[Any]:
    """Two classes, the second where a sum is above 0."""
    if transform == "PROBIT":
        raise context.node.refuse("has the transform 'PROBIT'")
    (register,) = context.registers(found)
    label = Label(_against_zero(context, register, found), labels)
    if transform == "LOGISTIC":
        link = Linked("logistic", (register,), label.of, SINGLE, found.roundings + _LOGISTIC, found.absolute, (2,))
        return [label, link]
    against = context.writer.linear([register], [-1.0], 1.0)
    pair = context.summed([against, register], single=False)
    return [label, Value(shaped(pair, (2,)), SINGLE, found.roundings + 1, found.absolute)]


def _against_zero(context: Context, register: int, found: Value) -> Value:
    """Two numbers, of which the second is larger where a sum is above 0."""
    minus = context.writer.linear([register], [-1.0], 0.0)
    return Value(
        shaped(context.summed([minus, register], single=False), (2,)), found.kind, found.roundings, found.absolute
    )


def _ml_numbers(context: Context) -> Value:
    value = context.numbers(0)
    if value.cells.ndim != 1 or " " in value.kind:
        raise context.node.refuse("reads what is no row of numbers")
    return value


def linear_regressor(context: Context) -> Any:  # noqa: ANN401
    """LinearRegressor: x W + b, or without b where that has another number of targets."""
    node = context.node
    targets, starts = node.integer("targets", 1), node.numbers("intercepts")
    weights, transform = node.numbers("coefficients"), node.text("post_transform", "NONE")
    value = _ml_numbers(context)
    if not value.single or targets < 1 or len(weights) != targets * value.cells.size:
        raise node.refuse("has another number of coefficients than its targets and columns ask for")
    starts = starts if len(starts) == targets else [0.0] * targets
    found = sums(context, value, np.reshape(weights, (targets, -1)), starts)
    if targets == 1:
        if transform == "PROBIT":
            raise node.refuse("has the transform 'PROBIT'")
        return found
    return transformed(context, found, transform)


def transformed(context: Context, found: Value, transform: str) -> Any:  # noqa: ANN401
    """Several sums behind a post_transform."""
    if transform == "NONE":
        return found
    if transform not in ("LOGISTIC", "SOFTMAX"):
        raise context.node.refuse(f"has the transform {transform!r}, and a program knows LOGISTIC and SOFTMAX")
    registers = tuple(context.registers(found))
    errors = (found.roundings + _LOGISTIC, found.absolute)
    if transform == "SOFTMAX":
        return Linked("softmax", registers, found, SINGLE, *errors, found.cells.shape)
    if len(registers) == _TWO and _opposite(context, registers):
        return Linked("logistic", registers[1:], found, SINGLE, *errors, found.cells.shape)
    return Linked("one_vs_all", registers, found, SINGLE, *errors, found.cells.shape)


def _opposite(context: Context, registers: Sequence[int]) -> bool:
    """Whether one of two sums is the negative of the other, to the last bit."""
    first = len(context.writer.domains.contract.inputs)
    steps: dict[int, Any] = {}
    for step in context.writer.steps:
        steps[first] = step
        first += defines(step)

    def sum_of(register: int) -> Any:  # noqa: ANN401
        step = steps.get(register, {})
        return steps.get(step["of"], {}) if step.get("step") == "affine" else step

    one, other = (sum_of(each) for each in registers)
    if one.get("step") != "linear" or other.get("step") != "linear":
        return False
    lookups = [[steps.get(each, {"step": "input"}) for each in step["of"]] for step in (one, other)]
    if len(lookups[0]) != len(lookups[1]) or one["intercept"] != -other["intercept"]:
        return False
    pairs = zip(one["of"], other["of"], one["weights"], other["weights"], *lookups, strict=True)
    return all(_is_opposite(*each) for each in pairs)


def _is_opposite(of: int, other: int, weight: float, beside: float, step: Any, its: Any) -> bool:  # noqa: ANN401
    if of == other:
        return weight == -beside
    if step["step"] == its["step"] == "lookup" and weight == beside and step["of"] == its["of"]:
        values = [*step["values"], step["unknown"], step["missing"]]
        return values == [-each for each in [*its["values"], its["unknown"], its["missing"]]]
    return False


def normalizer(context: Context) -> Any:  # noqa: ANN401
    """Normalizer: over the sum of the absolute numbers (L1), or the root of that of squares (L2).

    onnxruntime's normalizer.cc: where that is 0, the numbers stay.
    """
    node, norm = context.node, context.node.text("norm", "MAX")
    found = context.given(0)
    if isinstance(found, Linked) and norm == "L1":
        if found.link in ("softmax", "logistic", "normalize"):
            return found
        if found.link == "one_vs_all":
            of = tuple(context.registers(context.forced(found)))
            return Linked("normalize", of, found, SINGLE, found.roundings + len(of), found.absolute, found.shape)
    value = as_single(_ml_numbers(context))
    if value.absolute:
        raise node.refuse("divides by a sum of trees")
    registers = context.registers(value)
    writer = context.writer
    if norm == "L1":
        total = writer.linear([writer.function("abs", each) for each in registers], [1.0] * len(registers))
    elif norm == "L2":
        total = writer.function(
            "sqrt", writer.linear([writer.function("square", each) for each in registers], [1.0] * len(registers))
        )
    else:
        raise node.refuse(f"has the norm {norm!r}, and a program knows L1 and L2")
    least = 2.0**-150
    kept = piecewise(writer, total, [least], [[0.0], [1.0]])
    none = piecewise(writer, total, [least], [[1.0], [0.0]])
    total = writer.linear([writer.add({"step": "product", "of": [total, kept]}), none], [1.0, 1.0])
    ratios = [writer.add({"step": "ratio", "of": [each, total]}) for each in registers]
    columns = context.summed(ratios, single=False)
    return Value(shaped(columns, value.cells.shape), SINGLE, 2 * value.roundings + len(registers) + 4, 0.0)


def _axes(context: Context, since: int) -> tuple[list[int], bool]:
    """Over which axes something is reduced, of those behind the rows; and whether they stay, as 1."""
    node = context.node
    if node.version >= since and len(node.inputs) > 1 and node.inputs[1] is not None:
        constant = context.constant(1)
        axes = [] if constant is None else [int(each) for each in np.ravel(constant)]
    else:
        axes = node.integers("axes")
    node.ignore("noop_with_empty_axes")
    return axes, bool(node.integer("keepdims", 1))


def _reduced(context: Context, since: int, square: bool, mean: bool) -> Value:
    value = context.numbers(0)
    axes, keep = _axes(context, since)
    rank = value.cells.ndim + 1
    places = sorted((each if each >= 0 else each + rank) - 1 for each in axes)
    if value.kind not in (SINGLE, DOUBLE) or len(places) != 1 or not 0 <= places[0] < rank - 1:
        raise context.node.refuse("sums over another axis than one of columns")
    (axis,) = places
    moved = np.moveaxis(value.cells, axis, -1)
    count = moved.shape[-1]
    context.weigh(value.cells.size)
    registers = []
    for group in moved.reshape(-1, count):
        part = Value(shaped(list(group), (count,)), value.kind)
        if square:
            of: list[Number] = [
                NumberColumn(context.writer.function("square", each)) for each in context.registers(part)
            ]
        else:
            of = context.loose(part)
        weights = np.full(count, 1.0 / count if mean else 1.0)
        registers.append(write_linear(of, weights, 0.0, context.writer, finite=False, folded=value.single))
    shape = tuple(1 if n == axis else size for n, size in enumerate(value.cells.shape) if keep or n != axis)
    columns = context.summed(registers, single=value.single)
    roundings = (2 if square else 1) * value.roundings + (count + 2.0 if value.single else 0.0)
    beside = float("inf") if square and value.absolute else value.absolute * count
    return Value(shaped(columns, shape), value.kind, roundings, beside)


def reduce_sum(context: Context) -> Value:
    """ReduceSum over the columns."""
    return _reduced(context, 13, False, False)


def reduce_mean(context: Context) -> Value:
    """ReduceMean over the columns."""
    return _reduced(context, 18, False, True)


def reduce_sum_square(context: Context) -> Value:
    """ReduceSumSquare over the columns."""
    return _reduced(context, 18, True, False)


def reduce_log_sum_exp(context: Context) -> LogSumExp:
    """ReduceLogSumExp over the columns, where probabilities are made of it."""
    value = context.numbers(0)
    axes, _ = _axes(context, 18)
    if value.cells.ndim != 1 or axes not in ([1], [-1]):
        raise context.node.refuse("sums over another axis than that of columns")
    return LogSumExp(value)


def batch_normalization(context: Context) -> Value:
    """BatchNormalization in inference: (x - mean) scale / sqrt(var + epsilon) + B."""
    node = context.node
    value = _floats(context, 0)
    epsilon = node.number("epsilon", 1e-5)
    node.ignore("momentum", "spatial")
    if node.integer("training_mode", 0) or len(node.outputs) > 1:
        raise node.refuse("is exported for training")
    given = [context.constant(position) for position in range(1, 5)]
    if any(each is None or each.shape != value.cells.shape for each in given):
        raise node.refuse("has constants of another shape than its columns")
    scale, start, mean, variance = (np.asarray(each, dtype=np.float64) for each in given)
    with np.errstate(all="ignore"):
        slope = scale / np.sqrt(variance + epsilon)
    if not all(np.isfinite(each).all() for each in (slope, start, mean)):
        raise node.refuse("has constants that are not finite")
    registers = [
        write_linear(
            [column.then(Operation("subtract", float(middle)))], np.array([factor]), float(begin), context.writer,
            finite=False, folded=True,
        )
        for column, middle, factor, begin in zip(context.loose(value), mean, slope, start, strict=True)
    ]  # fmt: skip
    roundings = value.roundings + (6.0 if value.single else 0.0)
    beside = value.absolute * float(np.abs(slope).max(initial=0.0)) if value.absolute else 0.0
    return Value(
        shaped(context.summed(registers, single=value.single), value.cells.shape), value.kind, roundings, beside
    )


OPERATORS: dict[str, Operator] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "ReduceSum": reduce_sum,
    "ReduceMean": reduce_mean,
    "ReduceSumSquare": reduce_sum_square,
    "ReduceLogSumExp": reduce_log_sum_exp,
    "BatchNormalization": batch_normalization,
}
ML_OPERATORS: dict[str, Operator] = {
    "LinearClassifier": linear_classifier,
    "LinearRegressor": linear_regressor,
    "Normalizer": normalizer,
}
