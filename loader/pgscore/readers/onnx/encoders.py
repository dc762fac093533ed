"""Operators of ai.onnx.ml that prepare columns: scaling, filling gaps, categories."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation, TextColumn, along
from pgscore.readers.algebra.curves import Bins

from .single import ROUNDED, looked_up
from .values import DOUBLE, INTEGERS, SINGLE, TEXT, Label, TextCodes, Value, shaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .values import Context, Operator

_MOST_CATEGORIES = 100_000
_LEAST_INTEGER = -(2**63)
_LARGEST_INTEGER = 2**53


def scaler(context: Context) -> Value:
    """Scaler: (x - offset) * scale, in float32 and each operation rounded; of a double computed in doubles.

    onnxruntime's scaler.cc: an integer less a float is a float.
    """
    value = context.numbers(0)
    offsets, scales = context.node.numbers("offset"), context.node.numbers("scale")
    count = value.cells.size
    if value.cells.ndim != 1 or " " in value.kind or len(offsets) != len(scales) or len(scales) not in (1, count):
        raise context.node.refuse(f"has {len(scales)} scales and {len(offsets)} offsets for {count} columns")
    if not (np.isfinite(offsets).all() and np.isfinite(scales).all()):
        raise context.node.refuse("has numbers that are not finite")
    if len(scales) == 1:
        offsets, scales = offsets * count, scales * count
    columns = []
    for column, offset, scale in zip(value.columns, offsets, scales, strict=True):
        between = () if value.kind == DOUBLE else (ROUNDED,)
        before = () if value.kind in (DOUBLE, SINGLE) else (ROUNDED,)
        scaled = (Operation("subtract", offset), *between, Operation("multiply", scale), ROUNDED)
        columns.append(column.then(*before, *scaled))
    most = max(map(abs, scales), default=1.0)
    return Value(
        shaped(columns, value.cells.shape),
        SINGLE,
        value.roundings + 3,
        value.absolute * most if value.absolute else 0.0,
    )


def imputer(context: Context) -> Value:
    """Imputer: a number instead of a missing one, the column's or one for all."""
    node, value = context.node, context.numbers(0)
    fillings, replaced = node.numbers("imputed_value_floats"), node.number("replaced_value_float", 0.0)
    node.ignore("imputed_value_int64s", "replaced_value_int64")
    if not value.single or not fillings:
        raise node.refuse("fills what is no float32")
    if not np.isnan(replaced):
        raise node.refuse(f"replaces the number {replaced:g}, and a program fills what is missing")
    if value.cells.ndim != 1 or not np.isfinite(fillings).all():
        raise node.refuse("fills other than columns, or with what is no finite number")
    if len(fillings) != value.cells.size:
        fillings = fillings[:1] * value.cells.size
    columns = []
    for column, filling in zip(value.columns, fillings, strict=True):
        if isinstance(column, NumberColumn) and column.operations and column.operations[0] == ROUNDED:
            # What is missing stays so when it is rounded; a fill that stands first is known to be one.
            columns.append(NumberColumn(column.source, (Operation("fill", filling), *column.operations)))
            if any(each != ROUNDED for each in column.operations):
                columns[-1] = column.then(Operation("fill", filling))
        else:
            columns.append(column.then(Operation("fill", filling)))
    return replace(value, cells=shaped(columns, value.cells.shape))


def of_texts(column: Any, table: dict[str, float], unknown: float, context: Context) -> CodeColumn:  # noqa: ANN401
    """A column of the number that stands for each text, and for any other one."""
    if isinstance(column, TextCodes):
        numbers = {float(place): table.get(text, unknown) for place, text in enumerate(column.texts)}
        found = looked_up(column.column, numbers, unknown, unknown, context.writer)
        assert isinstance(found, CodeColumn)  # noqa: S101
        return found
    if not isinstance(column, TextColumn):
        raise context.node.refuse("reads numbers as texts")
    known = [key for key in sorted(table) if "\0" not in key]
    return CodeColumn(column.source, tuple(known), np.array([table[key] for key in known]), unknown, unknown)


def _of_numbers(column: Any, table: dict[float, float], unknown: float, context: Context) -> CodeColumn:  # noqa: ANN401
    """A column of the number that stands for each number, and for any other one; NaN is a key like any other."""
    missing = next((value for key, value in table.items() if np.isnan(key)), unknown)
    plain = {key: value for key, value in table.items() if not np.isnan(key)}
    found = looked_up(column, plain, unknown, missing, context.writer)
    assert isinstance(found, CodeColumn)  # noqa: S101
    return found


def _keys(context: Context, keys: Sequence[Any], *, of_integers: bool) -> None:
    if len(keys) > _MOST_CATEGORIES:
        raise context.node.refuse(f"has {len(keys):,} categories, and at most {_MOST_CATEGORIES:,} are read")
    if of_integers and any(abs(key) > _LARGEST_INTEGER for key in keys):
        raise context.node.refuse("has a category that no double holds")


def one_hot_encoder(context: Context) -> Value:
    """OneHotEncoder: 1 for the category that it is, else 0; a number is cut to an integer."""
    node, value = context.node, context.value(0)
    texts, integers = node.texts("cats_strings"), node.integers("cats_int64s")
    zeros = node.integer("zeros", 1)
    categories: list[Any] = texts or integers
    if not categories or (texts and integers) or (value.kind == TEXT) != bool(texts):
        raise node.refuse("has categories of another kind than its input")
    _keys(context, categories, of_integers=bool(integers))
    context.room(len(categories) * value.cells.size)
    place = {category: number for number, category in enumerate(categories)}
    found: list[Any] = []
    for column in value.columns:
        cut = column
        if value.kind in (SINGLE, DOUBLE):
            context.exact(value)
            cut = column.then(Operation("trunc"))
        if texts:
            code = of_texts(cut, {key: float(n) for key, n in place.items()}, -1.0, context)
        else:
            code = _of_numbers(cut, {float(key): float(n) for key, n in place.items()}, -1.0, context)
        if not zeros:
            _require(context, code)
        found += _indicators(code, len(categories))
    return Value(shaped(found, (*value.cells.shape, len(categories))), SINGLE)


def _indicators(code: CodeColumn, count: int) -> list[CodeColumn]:
    """For each number from 0 a column that is 1 where the code is that."""
    keys: list[list[Any]] = [[] for _ in range(count)]
    for key, number in zip(code.keys, code.values.tolist(), strict=True):
        if number >= 0:
            keys[int(number)].append(key)
    return [
        CodeColumn(code.source, tuple(each), np.ones(len(each)), float(code.unknown == n), float(code.missing == n))
        for n, each in enumerate(keys)
    ]


def _require(context: Context, code: CodeColumn) -> None:
    """Accepts known categories alone."""
    if code.unknown >= 0:
        return
    known = [key for key, value in zip(code.keys, code.values.tolist(), strict=True) if value >= 0]
    domain = context.writer.domains.of[code.source]
    domain.restrict(known)
    domain.nullable &= code.missing >= 0


def label_encoder(context: Context) -> Any:  # noqa: ANN401
    """LabelEncoder: for each key its value, for anything else the default."""
    node = context.node
    if node.version < _TWO:
        return _first_label_encoder(context)
    keys, kind = _listed(context, "keys")
    values, made = _listed(context, "values")
    default = _default(context, made)
    if len(keys) != len(values):
        raise node.refuse("has another number of keys than of values")
    return _encoded(context, kind, dict(reversed(list(zip(keys, values, strict=True)))), made, default)


_TWO = 2
_WITH_NAN = 4


def _listed(context: Context, name: str) -> tuple[list[Any], str]:
    node = context.node
    lists: dict[str, list[Any]] = {
        TEXT: node.texts(f"{name}_strings"), "int64": node.integers(f"{name}_int64s"),
        SINGLE: node.numbers(f"{name}_floats"),
    }  # fmt: skip
    tensor = node.tensor(f"{name}_tensor")
    for kind, found in lists.items():
        if found:
            return found, kind
    if tensor is None or tensor.ndim > 1:
        raise node.refuse(f"has no {name} that are read")
    kind = TEXT if tensor.dtype == object else str(tensor.dtype)
    if kind not in (TEXT, SINGLE, DOUBLE, "int64"):
        raise node.refuse(f"has {name} of the kind {kind}, which is not read")
    return np.atleast_1d(tensor).tolist(), kind


def _default(context: Context, kind: str) -> Any:  # noqa: ANN401
    node = context.node
    tensor = node.tensor("default_tensor")
    found = {
        TEXT: node.text("default_string", "_Unused"),
        "int64": node.integer("default_int64", -1),
        SINGLE: node.number("default_float", -0.0),
    }
    if tensor is not None and tensor.size == 1:
        return np.ravel(tensor).tolist()[0]
    return found.get(kind, 0.0)


def _first_label_encoder(context: Context) -> Any:  # noqa: ANN401
    node = context.node
    texts = node.texts("classes_strings")
    text, number = node.text("default_string", "_Unused"), node.integer("default_int64", -1)
    if isinstance(context.given(0), Label) or context.value(0).kind != TEXT:
        return _encoded(context, "int64", dict(enumerate(texts)), TEXT, text)
    return _encoded(context, TEXT, {key: place for place, key in enumerate(texts)}, "int64", number)


def category_mapper(context: Context) -> Any:  # noqa: ANN401
    """CategoryMapper: the integer of a text, or the text of an integer."""
    node = context.node
    texts, integers = node.texts("cats_strings"), node.integers("cats_int64s")
    text, number = node.text("default_string", "_Unused"), node.integer("default_int64", -1)
    if len(texts) != len(integers):
        raise node.refuse("has another number of texts than of integers")
    if isinstance(context.given(0), Label) or context.value(0).kind != TEXT:
        return _encoded(context, "int64", dict(zip(integers, texts, strict=True)), TEXT, text)
    return _encoded(context, TEXT, dict(zip(texts, integers, strict=True)), "int64", number)


def _encoded(context: Context, kind: str, table: dict[Any, Any], made: str, default: Any) -> Any:  # noqa: ANN401
    node, found = context.node, context.given(0)
    if isinstance(found, Label):
        names = found.labels if found.labels is not None else None
        if names is None:
            from .shapes import width

            names = tuple(range(width(found.of)))
        return replace(found, labels=tuple(table.get(each, default) for each in names))
    value = context.value(0)
    if value.kind not in (kind, f"{kind} of numbers"):
        raise node.refuse(f"has keys of the kind {kind}, and reads {value.kind}")
    _keys(context, list(table), of_integers=kind in INTEGERS)
    # Texts that are made are places among all of them.
    texts = tuple(dict.fromkeys([*table.values(), default])) if made == TEXT else ()
    places = {text: float(place) for place, text in enumerate(texts)}

    def number(each: Any) -> float:  # noqa: ANN401
        return places[each] if made == TEXT else float(each)

    if kind != TEXT and node.version < _WITH_NAN:
        # Up to there NaN is a key that nothing equals.
        table = {key: each for key, each in table.items() if key == key}  # noqa: PLR0124
    if made in INTEGERS:
        _keys(context, [*table.values(), default], of_integers=True)
    columns = []
    for column in value.columns:
        if kind == TEXT:
            code = of_texts(column, {str(key): number(each) for key, each in table.items()}, number(default), context)
        else:
            context.exact(value)
            if value.kind != kind and float(_LEAST_INTEGER) in table:
                raise node.refuse("has a category that stands for what is no integer")
            code = _of_numbers(
                column, {float(key): number(each) for key, each in table.items()}, number(default), context
            )
        columns.append(TextCodes(code, texts) if made == TEXT else code)
    return Value(shaped(columns, value.cells.shape), made)


def _is_there(values: Any) -> Any:  # noqa: ANN401
    return ~np.isnan(values)


def binarizer(context: Context) -> Value:
    """Binarizer: 1 above the threshold, else 0."""
    value, threshold = context.numbers(0), context.node.number("threshold", 0.0)
    if not value.single or not np.isfinite(threshold):
        raise context.node.refuse("compares what is no float32")
    context.exact(value)
    # onnxruntime's binarizer.cc fails on NaN.
    context.writer.domains.accept(context.node.place, value.columns, _is_there)
    bins = along(Bins(np.array([threshold]), "right", 0, None, 0.0))
    return Value(shaped([each.then(bins) for each in value.columns], value.cells.shape), SINGLE)


ML_OPERATORS: dict[str, Operator] = {
    "Scaler": scaler,
    "Imputer": imputer,
    "OneHotEncoder": one_hot_encoder,
    "LabelEncoder": label_encoder,
    "CategoryMapper": category_mapper,
    "Binarizer": binarizer,
}
