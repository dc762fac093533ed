"""Readers of transformers that make marks and bins of numbers: Binarizer, KBinsDiscretizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Table, along, constant
from pgscore.readers.algebra.curves import Bins

if TYPE_CHECKING:
    from sklearn.preprocessing import Binarizer, KBinsDiscretizer

    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer


def read_binarizer(binarizer: Binarizer, table: Table, writer: Writer, part: str) -> Table:
    """1 above the threshold, else 0."""
    writer.domains.require(part, table.columns, missing=False)
    above = along(Bins(np.array([float(binarizer.threshold)]), "right", jumps=part))
    return writer.then(table, part, [[above]] * len(table.columns))


def read_k_bins(discretizer: KBinsDiscretizer, table: Table, writer: Writer, part: str) -> Table:
    """The number of the bin, numpy.searchsorted(edges[1:-1], x, side="right"), or an indicator for each."""
    if discretizer.dtype is np.float32:
        raise NotAProgramError(part, "computes in single precision")
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    # The others' edges lie between data.
    jumps = part if discretizer.strategy == "quantile" else None
    found: list[NumberColumn | CodeColumn] = []
    for column, edges, count in zip(columns, discretizer.bin_edges_, discretizer.n_bins_.tolist(), strict=True):
        inner = np.asarray(edges, dtype=np.float64)[1:-1]
        bins = column.then(along(Bins(inner, "left", jumps=jumps))) if len(inner) else constant(column, 0.0)
        found += [bins] if discretizer.encode == "ordinal" else _indicators(bins, count, writer)
    return Table(tuple(found), sparse=discretizer.encode == "onehot")


def _indicators(bins: NumberColumn | CodeColumn, count: int, writer: Writer) -> list[CodeColumn]:
    if isinstance(bins, NumberColumn):
        keys = tuple(float(n) for n in range(count))
        bins = CodeColumn(writer.register(bins), keys, np.arange(float(count)), np.nan, np.nan)
    unknown, missing = np.array([bins.unknown]), np.array([bins.missing])
    return [
        CodeColumn(
            bins.source,
            bins.keys,
            (bins.values == n).astype(np.float64),
            float(unknown[0] == n),
            float(missing[0] == n),
        )
        for n in range(count)
    ]


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.preprocessing.Binarizer": read_binarizer,
    "sklearn.preprocessing.KBinsDiscretizer": read_k_bins,
}
