"""Readers of encoders: OneHotEncoder, OrdinalEncoder and TargetEncoder are asked for each of their categories.

Each output of theirs is a function of one input, so that asking finds all of it, whatever they drop or put together,
and without reading their private attributes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, Column, NumberColumn, Table, TextColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgscore_runtime.contract import Contract
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.algebra.domains import Domains
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

_REFUSES = (ValueError, TypeError)
# Categories times outputs of one input: 200 MB of doubles.
_MOST_ANSWERS = 25_000_000
# Repeated until it is longer than any category, it is none of them.
_STRANGE = "\x01"
# Stands where an input is not asked about.
SKIPPED = object()


def read_one_hot_encoder(encoder: OneHotEncoder, table: Table, writer: Writer, part: str) -> Table:
    """Indicators of categories."""
    counts = []
    for position, categories in enumerate(encoder.categories_):
        dropped = 0 if encoder.drop_idx_ is None or encoder.drop_idx_[position] is None else 1
        infrequent = getattr(encoder, "infrequent_categories_", None)
        merged = 0 if infrequent is None or infrequent[position] is None else len(infrequent[position]) - 1
        counts.append(len(categories) - dropped - merged)
    columns = _asked(encoder, table, writer, part, counts)
    return Table(columns, sparse=encoder.sparse_output)


def read_ordinal_encoder(encoder: OrdinalEncoder, table: Table, writer: Writer, part: str) -> Table:
    """Numbers of categories."""
    return Table(_asked(encoder, table, writer, part, [1] * len(table.columns)))


def read_target_encoder(encoder: TargetEncoder, table: Table, writer: Writer, part: str) -> Table:
    """Means of the target, of each class where there are several; of an unknown category the mean of all."""
    count = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    return Table(_asked(encoder, table, writer, part, [count] * len(table.columns)))


@dataclass(frozen=True)
class _Asked:
    """An encoder, and what it is asked about.

    Attributes:
        keys: for each of its inputs the categories, as a program knows them.
        kinds: for each of its inputs the contract's type.
        nothing: what it knows a missing text as.
    """

    encoder: Any
    keys: list[list[Any]]
    kinds: Sequence[str]
    nothing: Any

    def known(self, outputs: Sequence[slice]) -> list[FloatArray] | None:
        """What the outputs of each input are for its categories: of all inputs at once, since they do not meet.

        Returns:
            For each input categories x outputs; None where the encoder refuses one.
        """
        found: list[list[FloatArray]] = [[] for _ in outputs]
        if not max(each.stop for each in outputs):
            # Whoever knows one category and drops one has none left.
            return [np.zeros((len(keys), 0)) for keys in self.keys]
        longest = max(len(keys) for keys in self.keys)
        step = max(1, _MOST_ANSWERS // max(each.stop for each in outputs))
        for first in range(0, longest, step):
            rows = range(first, min(first + step, longest))
            answers = self._transformed([[keys[min(n, len(keys) - 1)] for n in rows] for keys in self.keys])
            if answers is None:
                return None
            for position, each in enumerate(outputs):
                found[position].append(_dense(answers[: max(0, len(self.keys[position]) - first), each]))
        return [np.concatenate(parts) for parts in found]

    def of_each(self, values: Sequence[Any], outputs: Sequence[slice]) -> list[FloatArray | None]:
        """What the outputs of each input are for a value of it; None where it refuses that, or the value is `SKIPPED`.

        Asking for one input costs as much as asking for all, so they are asked for together: those without a category
        for the value apart, where the encoder is made to refuse such.
        """
        unknown = {n for n, value in enumerate(values) if value is SKIPPED or self._is_refused(n, value)}
        asked = [n for n, value in enumerate(values) if value is not SKIPPED and n in unknown]
        row = [
            [keys[0] if n in unknown else value] for n, (keys, value) in enumerate(zip(self.keys, values, strict=True))
        ]
        together = self._transformed(row)
        found: list[FloatArray | None] = [
            None if together is None or n in unknown else _dense(together[:, each])[0] for n, each in enumerate(outputs)
        ]
        if together is None:
            asked = [n for n, value in enumerate(values) if value is not SKIPPED]
        for n in asked:
            found[n] = self._alone(n, values[n], outputs[n])
            if together is not None and found[n] is None:
                # As was foreseen, and so for the others.
                break
        return found

    def _alone(self, position: int, value: Any, outputs: slice) -> FloatArray | None:  # noqa: ANN401
        columns = [[keys[0]] for keys in self.keys]
        columns[position] = [value]
        found = self._transformed(columns)
        return None if found is None else _dense(found[:, outputs])[0]

    def _is_refused(self, position: int, value: Any) -> bool:  # noqa: ANN401
        if getattr(self.encoder, "handle_unknown", None) != "error":
            return False
        categories = self.encoder.categories_[position]
        is_missing = value is None or value != value  # noqa: PLR0124  NaN
        return not any(each is None or each != each if is_missing else each == value for each in categories)  # noqa: PLR0124

    def _transformed(self, columns: list[list[Any]]) -> Any:  # noqa: ANN401
        """All outputs for rows, by columns; None where the encoder refuses them."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = self.encoder.transform(self._given(columns))
        except _REFUSES:
            return None
        if hasattr(found, "tocsc"):
            return found.tocsc()
        return found.to_numpy() if isinstance(found, pd.DataFrame) else found

    def missing(self, position: int) -> Any:  # noqa: ANN401
        return np.nan if self.kinds[position] == "double precision" else self.nothing

    def strange(self, position: int) -> Any:  # noqa: ANN401
        """A value that is no category; None for a boolean that has both."""
        keys = self.keys[position]
        if self.kinds[position] == "boolean":
            return next((value for value in (0.0, 1.0) if value not in keys), None)
        if self.kinds[position] == "text":
            return max(len(key) for key in keys) * _STRANGE + _STRANGE
        return next(float(value) for value in range(len(keys) + 1) if value not in keys)

    def _given(self, columns: list[list[Any]]) -> Any:  # noqa: ANN401
        typed = [
            [_boolean(value) for value in column] if kind == "boolean" else column
            for kind, column in zip(self.kinds, columns, strict=True)
        ]
        names = getattr(self.encoder, "feature_names_in_", None)
        if names is not None:
            columns_of = zip(names, typed, self.kinds, strict=True)
            return pd.DataFrame({name: _series(column, kind) for name, column, kind in columns_of})
        matrix = np.empty((len(columns[0]), len(columns)), dtype=object if "text" in self.kinds else np.float64)
        for position, column in enumerate(typed if "text" in self.kinds else columns):
            matrix[:, position] = column
        return matrix


def _asked(encoder: Any, table: Table, writer: Writer, part: str, counts: list[int]) -> tuple[CodeColumn, ...]:  # noqa: ANN401
    contract = writer.domains.contract
    columns = [_encoded(each, writer, part) for each in table.columns]
    inputs = len(contract.inputs)
    kinds = [contract.inputs[each.source].type if each.source < inputs else "double precision" for each in columns]
    keys = [_keys(found, kind, part) for found, kind in zip(encoder.categories_, kinds, strict=True)]
    if not all(keys):
        raise NotAProgramError(part, "has an input of which it knows missing values only")
    asked = _Asked(encoder, keys, kinds, _nothing(contract))
    outputs: list[slice] = []
    for position, count in enumerate(counts):
        if len(keys[position]) * count > _MOST_ANSWERS:
            raise NotAProgramError(part, f"has an input with {len(keys[position]):,} categories, more than are read")
        start = outputs[-1].stop if outputs else 0
        outputs.append(slice(start, start + count))
    return tuple(_columns(asked, outputs, Table(tuple(columns)), writer.domains))


def _encoded(column: Column, writer: Writer, part: str) -> NumberColumn | TextColumn:
    """What is encoded: an input, filled or not, or the register of what other transformers have computed."""
    if isinstance(column, CodeColumn):
        raise NotAProgramError(part, "encodes what another encoder has made of a category")
    if isinstance(column, NumberColumn) and not (column.only_filled and len(column.operations) <= 1):
        return NumberColumn(writer.register(column))
    return column


def _nothing(contract: Contract) -> Any:  # noqa: ANN401
    return None if contract.missing_text == "none" else np.nan


def _keys(categories: Any, kind: str, part: str) -> list[Any]:  # noqa: ANN401
    """The categories but for missing ones, sorted, as a program compares them."""
    found = [each.item() if isinstance(each, np.generic) else each for each in categories]
    found = [each for each in found if each is not None and each == each]  # noqa: PLR0124  NaN
    if kind == "text":
        if not all(isinstance(each, str) for each in found):
            raise NotAProgramError(part, "has categories of a text that are no texts")
        return sorted(found)
    if not all(isinstance(each, bool | int | float) and float(each) == each for each in found):
        raise NotAProgramError(part, "has categories of a number that are no doubles")
    return sorted(float(each) for each in found)


def _columns(asked: _Asked, outputs: Sequence[slice], table: Table, domains: Domains) -> Iterator[CodeColumn]:
    """The columns that come of each input; its domain is narrowed to what the encoder accepts."""
    known = asked.known(outputs)
    if known is None:
        raise NotAProgramError("an encoder", "refuses its own categories")
    numbers = [kind == "double precision" for kind in asked.kinds]
    infinite = asked.of_each([np.inf if each else SKIPPED for each in numbers], outputs)
    strange = [asked.strange(position) for position in range(len(outputs))]
    unknown = asked.of_each([SKIPPED if value is None else value for value in strange], outputs)
    missing = asked.of_each([_filled(asked, n, column) for n, column in enumerate(table.columns)], outputs)
    for position, column in enumerate(table.columns):
        domain = domains.of[column.source]
        if numbers[position] and infinite[position] is None:
            domains.require("an encoder", [column], missing=True)
        if strange[position] is not None and unknown[position] is None:
            domain.restrict(asked.keys[position])
        answers = known[position]
        otherwise = unknown[position]
        otherwise = np.zeros(answers.shape[1]) if otherwise is None else otherwise
        gap = missing[position]
        if gap is None:
            domain.nullable = False
            gap = otherwise
        for n in range(answers.shape[1]):
            keys = tuple(asked.keys[position])
            yield CodeColumn(column.source, keys, answers[:, n], float(otherwise[n]), float(gap[n]))


def _filled(asked: _Asked, position: int, column: TextColumn | NumberColumn | CodeColumn) -> Any:  # noqa: ANN401
    """What a missing value is when the encoder sees it: it may have been filled."""
    if isinstance(column, TextColumn) and column.fill is not None:
        return column.fill
    if isinstance(column, NumberColumn) and column.operations:
        return column.operations[0].operand
    return asked.missing(position)


def _dense(found: Any) -> FloatArray:  # noqa: ANN401
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)


def _series(column: list[Any], kind: str) -> pd.Series[Any]:
    """A column as the estimator engine hands it over: objects, but for numbers, and booleans without a gap."""
    plain = kind == "double precision" or all(type(value) is bool for value in column)
    return pd.Series(column, dtype=None if plain else object)


def _boolean(value: Any) -> Any:  # noqa: ANN401
    """True or False for 1 or 0; what stands for a missing value stays."""
    return bool(value) if value in (0.0, 1.0) else value


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.OneHotEncoder": read_one_hot_encoder,
    "sklearn.preprocessing.OrdinalEncoder": read_ordinal_encoder,
    "sklearn.preprocessing.TargetEncoder": read_target_encoder,
}
