"""Readers of encoders: OneHotEncoder and OrdinalEncoder are asked for each of their categories.

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
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Table, TextColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.algebra.domains import Domains
    from pgscore.readers.dispatch import TransformerReader

_REFUSES = (ValueError, TypeError)
# Categories times outputs of one input: 200 MB of doubles.
_MOST_ANSWERS = 25_000_000
# Repeated until it is longer than any category, it is none of them.
_STRANGE = "\x01"


def read_one_hot_encoder(encoder: OneHotEncoder, table: Table, domains: Domains, part: str) -> Table:
    """Indicators of categories."""
    counts = []
    for position, categories in enumerate(encoder.categories_):
        dropped = 0 if encoder.drop_idx_ is None or encoder.drop_idx_[position] is None else 1
        infrequent = getattr(encoder, "infrequent_categories_", None)
        merged = 0 if infrequent is None or infrequent[position] is None else len(infrequent[position]) - 1
        counts.append(len(categories) - dropped - merged)
    columns = _asked(encoder, table, domains, part, counts)
    return Table(columns, sparse=encoder.sparse_output)


def read_ordinal_encoder(encoder: OrdinalEncoder, table: Table, domains: Domains, part: str) -> Table:
    """Numbers of categories."""
    return Table(_asked(encoder, table, domains, part, [1] * len(table.columns)))


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

    def answers(self, position: int, values: list[Any], outputs: slice) -> FloatArray | None:
        """What these outputs of it are where one input has these values; None where it refuses them."""
        columns = [[keys[0]] * len(values) for keys in self.keys]
        columns[position] = values
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = self.encoder.transform(self._given(columns))
                found = found.to_numpy() if isinstance(found, pd.DataFrame) else found
        except _REFUSES:
            return None
        found = found[:, outputs]
        return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)

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


def _asked(encoder: Any, table: Table, domains: Domains, part: str, counts: list[int]) -> tuple[CodeColumn, ...]:  # noqa: ANN401
    contract = domains.contract
    for each in table.columns:
        if isinstance(each, CodeColumn) or (isinstance(each, NumberColumn) and not each.only_filled):
            raise NotAProgramError(part, "encodes what another transformer has computed")
    kinds = [contract.inputs[each.source].type for each in table.columns]
    keys = [_keys(found, kind, part) for found, kind in zip(encoder.categories_, kinds, strict=True)]
    if not all(keys):
        raise NotAProgramError(part, "has an input of which it knows missing values only")
    asked = _Asked(encoder, keys, kinds, _nothing(contract))
    columns: list[CodeColumn] = []
    start = 0
    for position, count in enumerate(counts):
        if len(keys[position]) * count > _MOST_ANSWERS:
            raise NotAProgramError(part, f"has an input with {len(keys[position]):,} categories, more than are read")
        columns.extend(_of_input(asked, position, slice(start, start + count), table, domains))
        start += count
    return tuple(columns)


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


def _of_input(asked: _Asked, position: int, outputs: slice, table: Table, domains: Domains) -> list[CodeColumn]:
    """The columns that come of one input; its domain is narrowed to what the encoder accepts."""
    column, keys = table.columns[position], asked.keys[position]
    domain = domains.of[column.source]
    known = asked.answers(position, keys, outputs)
    if known is None:
        raise NotAProgramError("an encoder", "refuses its own categories")
    if asked.kinds[position] == "double precision" and asked.answers(position, [np.inf], outputs) is None:
        domains.require("an encoder", [column], missing=True)
    strange = asked.strange(position)
    unknown = None if strange is None else asked.answers(position, [strange], outputs)
    if strange is not None and unknown is None:
        domain.restrict(keys)
    unknown_values = np.zeros(known.shape[1]) if unknown is None else unknown[0]
    missing_values = _missing(asked, position, column, outputs)
    if missing_values is None:
        domain.nullable = False
        missing_values = unknown_values
    return [
        CodeColumn(column.source, tuple(keys), known[:, n], float(unknown_values[n]), float(missing_values[n]))
        for n in range(known.shape[1])
    ]


def _missing(
    asked: _Asked,
    position: int,
    column: TextColumn | NumberColumn | CodeColumn,
    outputs: slice,
) -> FloatArray | None:
    """What a missing value gives, after it was filled; None where it is refused."""
    given: Any = asked.missing(position)
    if isinstance(column, TextColumn) and column.fill is not None:
        given = column.fill
    elif isinstance(column, NumberColumn) and column.operations:
        given = column.operations[0].operand
    found = asked.answers(position, [given], outputs)
    return None if found is None else found[0]


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
}
