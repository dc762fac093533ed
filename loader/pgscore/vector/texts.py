"""Texts as numbers: a program knows few of them, and tells apart no others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import numpy.typing as npt

    Codes = npt.NDArray[np.intp]
    FloatArray = npt.NDArray[np.float64]

# Behind all others, so that the last entry of a table is that of what is missing.
MISSING = -1
# A table with an entry for each text that is known is read fastest; where few of them matter it is not worth its size.
_SPARE = 16
_SMALL = 256


class Vocabulary:
    """The texts that a program tells apart in an input, and in what is made of it."""

    def __init__(self, texts: Collection[str]) -> None:
        self._codes = {text: code for code, text in enumerate(sorted(texts))}

    def code(self, text: str) -> int:
        """The number of a text; all that are not known share one."""
        return self._codes.get(text, len(self._codes))

    def encode(self, values: npt.NDArray[Any]) -> Codes:
        """The numbers of texts, `MISSING` where there is None or NaN."""
        codes, found = pd.factorize(values)
        known = np.array([*map(self.code, found), MISSING], dtype=np.intp)
        taken: Codes = known[codes]
        return taken

    def reader(self, table: Mapping[str, float], unknown: float, missing: float) -> Reader:
        """What finds the number that stands beside each text in a table."""
        size = len(self._codes)
        if size <= _SPARE * len(table) + _SMALL:
            dense = np.full(size + 2, unknown)
            dense[[self.code(text) for text in table]] = list(table.values())
            dense[MISSING] = missing
            return _Dense(dense)
        pairs = sorted((self.code(text), value) for text, value in table.items())
        return _Sparse([code for code, _ in pairs], [value for _, value in pairs], unknown, missing)

    def membership(self, chosen: Iterable[str], *, missing: bool) -> Reader:
        """What finds 0 for each text that is chosen, and 1 for others; for what is missing 0 where that is chosen."""
        return self.reader(dict.fromkeys(chosen, 0.0), 1.0, 0.0 if missing else 1.0)


class Reader(ABC):
    """Finds a number for each code."""

    @abstractmethod
    def __call__(self, codes: Codes) -> FloatArray:
        """Rows: the number for each."""


class _Dense(Reader):
    def __init__(self, table: FloatArray) -> None:
        self._table = table

    def __call__(self, codes: Codes) -> FloatArray:
        found: FloatArray = self._table[codes]
        return found


class _Sparse(Reader):
    def __init__(self, codes: list[int], values: list[float], unknown: float, missing: float) -> None:
        self._codes = np.array(codes, dtype=np.intp)
        self._values = np.array([*values, unknown], dtype=np.float64)
        self._missing = missing

    def __call__(self, codes: Codes) -> FloatArray:
        position = np.searchsorted(self._codes, codes)
        inside = np.minimum(position, max(len(self._codes) - 1, 0))
        known = (self._codes[inside] == codes) if len(self._codes) else np.zeros(len(codes), dtype=bool)
        found: FloatArray = self._values[np.where(known, inside, len(self._codes))]
        found[codes == MISSING] = self._missing
        return found
