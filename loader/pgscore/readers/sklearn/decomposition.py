"""Readers of decompositions that project: PCA, TruncatedSVD."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import NumberColumn, Operation, Table
from pgscore.readers.writing.linear_writer import write_linear

if TYPE_CHECKING:
    from sklearn.decomposition import PCA, TruncatedSVD

    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer


def read_pca(pca: PCA, table: Table, writer: Writer, part: str) -> Table:
    """X @ components.T - mean @ components.T, and over the root of the variances where it whitens.

    `_BasePCA._transform`: the roots are at least eps.
    """
    components = np.asarray(pca.components_, dtype=np.float64)
    found = _projected(components, -(np.asarray(pca.mean_, dtype=np.float64) @ components.T), table, writer, part)
    if not pca.whiten:
        return found
    variances = np.asarray(pca.explained_variance_)
    scale = np.maximum(np.sqrt(variances), np.finfo(variances.dtype).eps)
    return writer.then(found, part, [[Operation("divide", float(each))] for each in scale])


def read_truncated_svd(svd: TruncatedSVD, table: Table, writer: Writer, part: str) -> Table:
    """X @ components.T."""
    components = np.asarray(svd.components_, dtype=np.float64)
    return _projected(components, np.zeros(len(components)), table, writer, part)


def _projected(weights: FloatArray, intercepts: FloatArray, table: Table, writer: Writer, part: str) -> Table:
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    registers = [
        write_linear(columns, row, float(start), writer, finite=True)
        for row, start in zip(weights, intercepts, strict=True)
    ]
    return Table(tuple(NumberColumn(register) for register in registers))


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.decomposition.PCA": read_pca,
    "sklearn.decomposition.TruncatedSVD": read_truncated_svd,
}
