"""CatBoost's categories: a model holds hashes of texts, and tests whether a category's hash is one of them.

So a test is a test for the texts that have its hash. CatBoost tells the hash of a text that it is asked about; which
texts to ask about, examples show. The hash is CalcCatFeatureHash of catboost/libs/cat_feature/cat_feature.h, the lower
half of a CityHash64 of the text in UTF-8, and depends on nothing else. Before that, integers become texts, and booleans
the texts 0 and 1 (get_id_object_bytes_string_representation of python-package/catboost/_catboost.pyx); other numbers,
and what is missing, it refuses.
"""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pgscore.errors import NotAProgramError

from .algebra.columns import CodeColumn, TextColumn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .algebra.columns import Column
    from .writing.writer import Writer

_BITS = 32


class Hashed(NamedTuple):
    """A column of codes, and the code of each hash that trees test."""

    column: CodeColumn
    codes: dict[int, int]


class _Texts(NamedTuple):
    """What CatBoost gets in a column: for each key of its source a text, and None where it refuses the row."""

    source: int
    keys: Sequence[Any]
    texts: Sequence[str]
    unknown: str | None = None
    missing: str | None = None
    # Whether it gets no other texts.
    complete: bool = True


def hashed(column: Column, hashes: Collection[int], writer: Writer, part: str) -> Hashed:
    """The codes of a column of categories, of which these hashes are tested.

    Raises:
        NotAProgramError: a hash is that of no text that is known, or CatBoost gets something else than categories.
    """
    given = _texts(column, writer, part)
    wanted = (*given.texts, given.unknown, given.missing)
    hash_of = _hashes({each for each in wanted if each is not None})
    lost = set(hashes) - set(hash_of.values())
    if lost and not given.complete:
        name = writer.domains.contract.inputs[given.source].name
        some = "a category" if len(lost) == 1 else f"{len(lost)} categories"
        raise NotAProgramError(
            part,
            f"tests input {name!r} for {some} that no golden row holds, of which CatBoost keeps hashes and not the"
            " texts: with golden rows that hold every category it becomes a program",
        )
    if given.missing is None:
        writer.domains.of[given.source].nullable = False
    codes = {each: code for code, each in enumerate(sorted(hashes))}

    def code(text: str | None) -> float:
        return float(codes.get(hash_of[text], np.nan)) if text is not None else np.nan

    found = {key: code(text) for key, text in zip(given.keys, given.texts, strict=True)}
    if given.unknown is None:
        # Any text that is not tested is like one that is unknown.
        found = {key: value for key, value in found.items() if not np.isnan(value)}
    if not given.complete:
        writer.domains.hashed[given.source].update(found)
    keys = sorted(found)
    values = np.array([found[key] for key in keys], dtype=np.float64)
    return Hashed(CodeColumn(given.source, tuple(keys), values, code(given.unknown), code(given.missing)), codes)


def _texts(column: Column, writer: Writer, part: str) -> _Texts:
    domains = writer.domains
    if isinstance(column, TextColumn):
        known = domains.of[column.source].known
        # What stands for a missing one may stand in a row, too; and CSV files cannot hold the empty text.
        texts = sorted({"", *domains.examples.get(column.source, ()), *(known or ()), *_some(column.fill)})
        return _Texts(column.source, texts, texts, None, column.fill, complete=known is not None)
    if isinstance(column, CodeColumn):
        missing = _whole([column.missing], part)[0] if writer.missing_possible(column) else None
        unknown = _whole([column.unknown], part)[0] if writer.unknown_possible(column) else None
        return _Texts(column.source, column.keys, _whole(column.values.tolist(), part), unknown, missing)
    if domains.is_boolean(column.source) and column.only_filled:
        fills = [each.operand for each in column.operations]
        return _Texts(column.source, (0.0, 1.0), ("0", "1"), None, _whole(fills, part)[0] if fills else None)
    raise _no_category(part)


def _some(text: str | None) -> Sequence[str]:
    return () if text is None else (text,)


def _whole(values: Iterable[float], part: str) -> list[str]:
    """Integers as CatBoost reads them."""
    found = list(values)
    if not all(np.isfinite(each) and each == int(each) for each in found):
        raise _no_category(part)
    return [str(int(each)) for each in found]


def _no_category(part: str) -> NotAProgramError:
    return NotAProgramError(part, "takes numbers for categories, where CatBoost wants texts or integers")


def _hashes(texts: Collection[str]) -> dict[str, int]:
    """The hash of each text, as trees test it: an integer of 32 bits with its sign."""
    from catboost import Pool

    found: dict[str, int] = {}
    rest = sorted(texts)
    while rest:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            _smallest().save_model(str(path), format="json", pool=Pool([[each] for each in rest], cat_features=[0]))
            written = json.loads(path.read_text())["features_info"]["cat_features_hash"]
        found |= {each["value"]: each["hash"] - (each["hash"] >> (_BITS - 1) << _BITS) for each in written}
        # Of texts that have a hash in common one is written.
        left = [each for each in rest if each not in found]
        if len(left) == len(rest):
            raise NotAProgramError(f"the text {left[0]!r}", "has a hash that CatBoost does not tell")
        rest = left
    return found


@cache
def _smallest() -> Any:  # noqa: ANN401
    """A model to ask for hashes: each writes those of any texts that are given with it."""
    from catboost import CatBoostRegressor

    model = CatBoostRegressor(
        iterations=1, depth=1, thread_count=1, logging_level="Silent", allow_writing_files=False, cat_features=[0]
    )
    return model.fit([["a"], ["b"]], [0, 1])
