"""What genmodel makes of a row: a number for each feature, NaN where it is missing.

A category is its place in the column's domain. hex.genmodel.easy.EnumEncoder looks for a text in the domain, and then
for ``column.text``. One that is neither is NaN: so EasyPredictModelWrapper has it with
convertUnknownCategoricalLevelsToNa, which hex.genmodel.tools.PredictCsv sets, which h2o.mojo_predict_pandas calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn

from .document import MOST_TEXT

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table

    from .document import MojoDocument


def feature_columns(document: MojoDocument, table: Table) -> list[NumberColumn | CodeColumn]:
    """The features: numbers as they are, and the codes of categories.

    Raises:
        NotAProgramError: a category is longer than a program has room for.
    """
    found: list[NumberColumn | CodeColumn] = []
    for name, domain, column in zip(document.features, document.domains, table.columns, strict=False):
        if domain is None:
            found.append(NumberColumn(column.source))
            continue
        codes = codes_of(name, domain)
        keys = tuple(sorted(codes))
        values = np.array([codes[key] for key in keys], dtype=np.float64)
        found.append(CodeColumn(column.source, keys, values, np.nan, np.nan))
    return found


def codes_of(name: str, domain: tuple[str, ...]) -> dict[str, float]:
    """The code of each text that a column's domain knows. Of equal ones the last counts, as in a HashMap."""
    codes = {level: float(code) for code, level in enumerate(domain)}
    begin = f"{name}."
    for level, code in list(codes.items()):
        if level.startswith(begin):
            codes.setdefault(level.removeprefix(begin), code)
    # No text in PostgreSQL holds it.
    codes = {level: code for level, code in codes.items() if "\0" not in level}
    if any(len(level.encode()) > MOST_TEXT for level in codes):
        raise NotAProgramError(f"input {name!r}", f"has a category of more than {MOST_TEXT:,} bytes")
    return codes
