"""Operators that move numbers and compute none: which columns there are, in which order and shape; labels; ZipMap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .single import ROUNDED
from .values import INTEGERS, TEXT, Label, Linked, LogSumExp, Value, shaped

if TYPE_CHECKING:
    from .values import Cells, Context, Operator

_TWO = 2


def identity(context: Context) -> Any:  # noqa: ANN401
    """Identity: what it is given."""
    return context.given(0)


def dropout(context: Context) -> Any:  # noqa: ANN401
    """Dropout, which drops nothing in inference."""
    context.node.ignore("ratio", "seed", "is_test")
    training = context.constant(2)
    if training is not None and np.ravel(training).any():
        raise context.node.refuse("is exported for training")
    if len([each for each in context.node.outputs if each]) > 1:
        raise context.node.refuse("gives a mask")
    return context.given(0)


def _shaped(context: Context, found: Any, cells: Cells) -> Any:  # noqa: ANN401
    if cells.size != found.cells.size:
        raise context.node.refuse("makes another number of columns")
    return replace(found, cells=cells)


def _passes(found: Any) -> bool:  # noqa: ANN401
    return isinstance(found, Label | LogSumExp)


def reshape(context: Context) -> Any:  # noqa: ANN401
    """Reshape, as long as rows stay rows."""
    found = context.given(0)
    shape = context.constant(1)
    zero_stays = not context.node.integer("allowzero", 0)
    if context.node.version < 5 or shape is None:  # noqa: PLR2004
        raise context.node.refuse("takes its shape from the rows")
    sizes = [int(each) for each in np.ravel(shape)]
    if _passes(found):
        if [each for each in sizes if each not in (-1, 1)] or sizes.count(-1) != 1:
            raise context.node.refuse("gives a label another shape")
        return found
    if isinstance(found, Linked) and sizes in ([-1, found.shape[-1]], [0, -1], [0, found.shape[-1]]):
        return found
    value = context.value(0)
    if not sizes:
        raise context.node.refuse("makes one number of all rows")
    behind = list(sizes[1:])
    if zero_stays:
        for place, size in enumerate(behind):
            if size == 0 and place < value.cells.ndim:
                behind[place] = value.cells.shape[place]
    count = value.cells.size
    if behind.count(-1) == 1 and sizes[0] == 0:
        rest = int(np.prod([each for each in behind if each != -1]))
        behind[behind.index(-1)] = count // rest if rest > 0 else 0
    if sizes[0] not in (-1, 0) or any(each < 1 for each in behind) or int(np.prod(behind)) != count:
        raise context.node.refuse("makes other rows of the rows")
    return replace(value, cells=value.cells.reshape(tuple(behind)))


def flatten(context: Context) -> Any:  # noqa: ANN401
    """Flatten: all columns of a row side by side."""
    if context.node.integer("axis", 1) != 1:
        raise context.node.refuse("is along another axis than 1")
    found = context.given(0)
    if isinstance(found, Linked) and len(found.shape) == 1:
        return found
    value = context.value(0)
    return replace(value, cells=value.cells.reshape(-1))


def _axes(context: Context) -> list[int]:
    if len(context.node.inputs) > 1 and context.node.version >= 13:  # noqa: PLR2004
        constant = context.constant(1)
        return [] if constant is None else [int(each) for each in np.ravel(constant)]
    return context.node.integers("axes")


def squeeze(context: Context) -> Any:  # noqa: ANN401
    """Squeeze: without an axis of 1."""
    axes = _axes(context)
    found = context.given(0)
    if _passes(found):
        return found
    value = context.value(0)
    rank = value.cells.ndim + 1
    places = [(each if each >= 0 else each + rank) - 1 for each in axes]
    if not places or any(not 0 <= each < rank - 1 or value.cells.shape[each] != 1 for each in places):
        raise context.node.refuse("removes another axis than one of 1")
    shape = tuple(size for place, size in enumerate(value.cells.shape) if place not in places)
    return replace(value, cells=value.cells.reshape(shape))


def unsqueeze(context: Context) -> Any:  # noqa: ANN401
    """Unsqueeze: with an axis of 1 more."""
    axes = _axes(context)
    value = context.value(0)
    rank = value.cells.ndim + 1 + len(axes)
    places = sorted(each if each >= 0 else each + rank for each in axes)
    if not places or places[0] < 1 or places[-1] >= rank or len(set(places)) != len(places):
        raise context.node.refuse("adds an axis before the rows")
    shape = list(value.cells.shape)
    for place in places:
        shape.insert(place - 1, 1)
    return replace(value, cells=value.cells.reshape(tuple(shape)))


def transpose(context: Context) -> Any:  # noqa: ANN401
    """Transpose, as long as rows stay rows."""
    value = context.value(0)
    order = context.node.integers("perm") or list(range(value.cells.ndim, -1, -1))
    if sorted(order) != list(range(value.cells.ndim + 1)) or order[0] != 0:
        raise context.node.refuse("turns rows into columns")
    return replace(value, cells=value.cells.transpose([each - 1 for each in order[1:]]))


def concat(context: Context) -> Any:  # noqa: ANN401
    """Concat: columns side by side."""
    given = [context.given(position) for position in range(len(context.node.inputs))]
    axis = context.node.integer("axis", 1)
    if (
        len(given) == _TWO
        and all(isinstance(each, Linked) and each.shape == (1,) for each in given)
        and [each.link for each in given] == ["complement", "expit"]
        and given[0].of == given[1].of
        and axis in (1, -1)
    ):
        # 1 - p and p.
        return replace(given[1], link="logistic", shape=(2,))
    if len(given) == 1 and axis in (1, -1):
        return given[0]
    if any(isinstance(each, np.ndarray) for each in given):
        raise context.node.refuse("puts constants beside columns")
    values = [context.value(position) for position in range(len(given))]
    if len({each.kind for each in values}) > 1:
        raise context.node.refuse("puts columns of different kinds side by side")
    context.room(sum(each.cells.size for each in values))
    rank = values[0].cells.ndim + 1
    place = (axis if axis >= 0 else axis + rank) - 1
    if not 0 <= place < rank - 1:
        raise context.node.refuse("puts rows below each other")
    try:
        cells = np.concatenate([each.cells for each in values], axis=place)
    except ValueError:
        raise context.node.refuse("has inputs whose shapes do not fit each other") from None
    return Value(cells, values[0].kind, max(each.roundings for each in values), max(each.absolute for each in values))


def _chosen(context: Context, value: Value, places: Any, axis: int) -> Value:  # noqa: ANN401
    size = value.cells.shape[axis]
    positions = np.asarray(places)
    context.room(positions.size * (value.cells.size // max(size, 1)))
    if positions.dtype.kind not in "iu" or ((positions < -size) | (positions >= size)).any():
        raise context.node.refuse(f"takes a column beyond the {size} that there are")
    return replace(value, cells=np.take(value.cells, positions % size, axis=axis))


def gather(context: Context) -> Any:  # noqa: ANN401
    """Gather: some of the columns; or the label at a place."""
    axis = context.node.integer("axis", 0)
    if isinstance(context.given(0), np.ndarray):
        return _label(context, axis=axis)
    value, places = context.value(0), context.constant(1)
    rank = value.cells.ndim + 1
    place = (axis if axis >= 0 else axis + rank) - 1
    if places is None or places.ndim > 1 or not 0 <= place < rank - 1:
        raise context.node.refuse("takes other than columns")
    return _chosen(context, value, places, place)


def array_feature_extractor(context: Context) -> Any:  # noqa: ANN401
    """ArrayFeatureExtractor: some of the columns; or the label at a place."""
    if isinstance(context.given(0), np.ndarray):
        return _label(context, axis=0)
    value, places = context.value(0), context.constant(1)
    if places is None or value.cells.ndim != 1:
        raise context.node.refuse("takes other than columns")
    return _chosen(context, value, np.ravel(places), 0)


def _label(context: Context, axis: int) -> Label:
    labels, place = context.constant(0), context.given(1)
    if not isinstance(place, Label) or place.labels is not None or labels is None or axis != 0:
        raise context.node.refuse("takes a constant at a place that is no largest number's")
    names = np.ravel(labels).tolist()
    wanted = width(place.of)
    if len(names) != wanted:
        raise context.node.refuse(f"has {len(names)} labels for {wanted} numbers")
    return replace(place, labels=tuple(names))


def width(found: Any) -> int:  # noqa: ANN401
    """How many numbers a row has of a tensor."""
    return int(np.prod(found.shape)) if isinstance(found, Linked) else int(found.cells.size)


def sliced(context: Context) -> Any:  # noqa: ANN401
    """Slice: some of the columns."""
    node = context.node
    value = context.value(0)
    if node.version < 10:  # noqa: PLR2004
        starts, ends, axes = node.integers("starts"), node.integers("ends"), node.integers("axes")
        steps = [1] * len(starts)
    else:
        given = [context.constant(position) for position in range(1, 5)]
        starts, ends, axes, steps = ([] if each is None else [int(n) for n in np.ravel(each)] for each in given)
    axes = axes or list(range(len(starts)))
    steps = steps or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise node.refuse("has starts, ends, axes and steps that do not fit each other")
    rank = value.cells.ndim + 1
    chosen: list[slice] = [slice(None)] * (rank - 1)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = (axis if axis >= 0 else axis + rank) - 1
        if not 0 <= place < rank - 1:
            raise node.refuse("takes some of the rows")
        size = value.cells.shape[place]
        # To before the first column, going back.
        chosen[place] = slice(start, None if step < 0 and end < -size else end, step)
    cells = value.cells[tuple(chosen)]
    if not cells.size:
        raise node.refuse("takes no column")
    return replace(value, cells=cells)


def split(context: Context) -> list[Any]:
    """Split: columns in groups."""
    node = context.node
    value = context.value(0)
    rank = value.cells.ndim + 1
    axis = node.integer("axis", 0)
    place = (axis if axis >= 0 else axis + rank) - 1
    node.ignore("num_outputs")
    if not 0 <= place < rank - 1:
        raise node.refuse("splits the rows")
    sizes = node.integers("split")
    if node.version >= 13 and len(node.inputs) > 1:  # noqa: PLR2004
        constant = context.constant(1)
        sizes = [] if constant is None else [int(each) for each in np.ravel(constant)]
    size, parts = value.cells.shape[place], len(node.outputs)
    if not sizes:
        each = -(-size // parts)
        sizes = [each] * (parts - 1) + [size - each * (parts - 1)]
    if len(sizes) != parts or sum(sizes) != size or min(sizes) < 1:
        raise node.refuse("has sizes that do not fit its columns")
    return [replace(value, cells=cells) for cells in np.split(value.cells, np.cumsum(sizes)[:-1].tolist(), axis=place)]


def feature_vectorizer(context: Context) -> Value:
    """FeatureVectorizer: columns side by side, as float32."""
    context.node.ignore("inputdimensions")
    widths = context.node.integers("inputdimensions")
    columns: list[Any] = []
    roundings, beside = 0.0, 0.0
    for position in range(len(context.node.inputs)):
        value = context.numbers(position)
        if value.cells.ndim > 1 or " " in value.kind or (widths and widths[position] != value.cells.size):
            raise context.node.refuse("reads what is no row of numbers")
        context.room(len(columns) + value.cells.size)
        columns += value.columns if value.single else [each.then(ROUNDED) for each in value.columns]
        roundings, beside = max(roundings, value.roundings + (not value.single)), max(beside, value.absolute)
    return Value(shaped(columns, (len(columns),)), "float32", roundings, beside)


def arg_max(context: Context) -> Label:
    """ArgMax: the place of the largest, the first of equal ones unless it says the last."""
    return _arg(context, context.given(0))


def arg_min(context: Context) -> Label:
    """ArgMin: the place of the least."""
    value = context.numbers(0)
    registers = [context.writer.linear([each], [-1.0], 0.0) for each in context.registers(value)]
    return _arg(context, replace(value, cells=shaped(context.summed(registers, single=False), value.cells.shape)))


def _arg(context: Context, found: Any) -> Label:  # noqa: ANN401
    node = context.node
    axis = node.integer("axis", 0)
    node.ignore("keepdims")
    last = bool(node.integer("select_last_index", 0))
    shape = found.shape if isinstance(found, Linked) else getattr(found, "cells", np.empty(())).shape
    if not isinstance(found, Linked | Value) or len(shape) != 1 or axis not in (1, -1):
        raise node.refuse("is over another axis than that of columns")
    if isinstance(found, Value) and (found.kind == TEXT or found.kind in INTEGERS):
        raise node.refuse("compares what is no float32 or double")
    return Label(found, None, "last" if last else "first")


def zip_map(context: Context) -> Any:  # noqa: ANN401
    """ZipMap: a number for each label."""
    labels = context.node.texts("classlabels_strings") or context.node.integers("classlabels_int64s")
    found = context.given(0)
    if not isinstance(found, Linked | Value) or width(found) != len(labels):
        raise context.node.refuse("has another number of labels than its input of columns")
    return found


OPERATORS: dict[str, Operator] = {
    "Identity": identity,
    "Dropout": dropout,
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Concat": concat,
    "Gather": gather,
    "Slice": sliced,
    "Split": split,
    "ArgMax": arg_max,
    "ArgMin": arg_min,
}
ML_OPERATORS: dict[str, Operator] = {
    "ArrayFeatureExtractor": array_feature_extractor,
    "FeatureVectorizer": feature_vectorizer,
    "ZipMap": zip_map,
}
