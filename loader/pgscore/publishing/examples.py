"""Example rows, asked for many at a time with the answers that each of them gets alone."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .handover import column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgscore_runtime.contract import InputType

    from .oracle import Oracle

# None where the estimator refuses the row; else all that it gives for it.
Answer = np.ndarray | None

# Their estimators give a row the same whatever rows stand beside it.
_ROW_BY_ROW = {
    "builtins", "catboost", "collections", "copyreg", "functools", "imblearn", "joblib", "lightgbm", "numpy", "pandas",
    "scipy", "sklearn", "xgboost",
}  # fmt: skip
# How much fewer rows are asked for next where some were refused, and how many more where none was.
_FEWER, _MORE = 8, 4
_MOST_ROWS = 1000
# How far a row's numbers may be apart, in company and alone, relative to them or to 1: sums are added in other orders.
_ALIKE = 1e-9


@dataclass(frozen=True)
class Change:
    """A row that differs from another one in an input.

    Attributes:
        name: the input.
        value: its value; None where it is missing.
        kind: what the input travels as.
    """

    name: str
    value: Any
    kind: InputType


@dataclass(frozen=True)
class Block:
    """Rows that are alike enough to be accepted or refused together.

    Attributes:
        frame: rows x inputs, as the database hands them over.
        places: where each of them stands among all examples.
    """

    frame: pd.DataFrame
    places: tuple[int, ...]


def varied(template: pd.DataFrame, changes: Sequence[Change], nothing: float | None, first: int = 0) -> list[Block]:
    """A row with each of the changes made to it, one at a time.

    Rows that change in the same way stand in one block: an estimator that refuses one of them refuses them all, mostly.
    So do rows whose columns have the same dtypes, as a single row's are its own.

    Args:
        template: the row.
        changes: what to change.
        nothing: what the estimator knows a missing text or boolean as, NaN or None.
        first: the place of the first change.
    """
    alike: dict[Any, list[int]] = {}
    for number, change in enumerate(changes):
        dtype = column([change.value], change.kind, nothing).dtype
        other = None if dtype == template[change.name].dtype else (change.name, dtype)
        # Of texts, all that were seen are one kind of value.
        value = "seen" if isinstance(change.value, str) and change.value not in ("", "never seen") else change.value
        alike.setdefault((change.kind, str(value), other), []).append(number)
    return [
        Block(_frame(template, [changes[n] for n in numbers], nothing), tuple(first + n for n in numbers))
        for numbers in alike.values()
    ]


def _frame(template: pd.DataFrame, changes: Sequence[Change], nothing: float | None) -> pd.DataFrame:
    columns = {str(name): np.repeat(template[name].to_numpy(), len(changes)) for name in template.columns}
    for row, change in enumerate(changes):
        value = column([change.value], change.kind, nothing).to_numpy()
        if value.dtype != columns[change.name].dtype:  # of all these changes
            columns[change.name] = columns[change.name].astype(value.dtype)
        columns[change.name][row] = value[0]
    # Left to itself, pandas makes another type of texts.
    series = {name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()}
    return pd.DataFrame(series, index=pd.RangeIndex(len(changes)))


def ask(
    oracle: Oracle, blocks: Sequence[Block], *, framed: bool | None = None, alone: bool = False
) -> dict[int, Answer]:
    """What the estimator gives for rows, by their places.

    They are asked for together. A row of each block is asked for alone too: where that gives another answer, each is.

    Args:
        oracle: the estimator.
        blocks: the rows.
        framed: whether it is asked with frames or with arrays; None as it is asked otherwise.
        alone: whether to ask for each row alone.
    """
    answers: dict[int, Answer] = {}
    for block in blocks:
        found = _in_turn(oracle, block.frame, framed, 1 if alone else _MOST_ROWS)
        answers.update(zip(block.places, found, strict=True))
    if alone or all(_is_like_alone(oracle, block, answers, framed) for block in blocks):
        return answers
    return ask(oracle, blocks, framed=framed, alone=True)


def ask_sample(oracle: Oracle, frame: pd.DataFrame, *, framed: bool | None = None, alone: bool = False) -> list[Answer]:
    """What the estimator gives for rows of all kinds; with `alone`, each is asked for alone where some are refused."""
    try:
        return list(oracle.outputs(frame, framed=framed)) if len(frame) else []
    except Exception:
        return _in_turn(oracle, frame, framed, 1 if alone else _MOST_ROWS, max(1, len(frame) // _FEWER))


def _in_turn(
    oracle: Oracle, frame: pd.DataFrame, framed: bool | None, most: int, size: int = _MOST_ROWS
) -> list[Answer]:
    answers: list[Answer] = []
    size = min(size, most)
    while len(answers) < len(frame):
        rows = frame.iloc[len(answers) : len(answers) + size]
        try:
            answers += list(oracle.outputs(rows, framed=framed))
            size = min(size * _MORE, most)
        except Exception:
            # The next one is as likely to be refused: so one row more is asked for, not many.
            answers += [None] if len(rows) == 1 else []
            size = max(1, min(size, len(rows)) // _FEWER)
    return answers


def _is_like_alone(oracle: Oracle, block: Block, answers: dict[int, Answer], framed: bool | None) -> bool:
    """Whether a row of a block that was answered gets the same answer alone; the last one, whom most stand before."""
    for row in reversed(range(len(block.places))):
        together = answers[block.places[row]]
        if together is not None and len(block.places) > 1:
            (alone,) = ask_sample(oracle, block.frame.iloc[[row]], framed=framed)
            return alone is not None and _are_alike(together, alone)
    return True


def _are_alike(one: np.ndarray, other: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        near = np.abs(one - other) <= _ALIKE * np.maximum(1, np.abs(other))
    return bool((near | (one == other) | (np.isnan(one) & np.isnan(other))).all())


def is_row_by_row(estimator: object) -> bool:
    """Whether an estimator is made of nothing but parts that are known to look at each row by itself.

    Others may look at the rows beside one, which a test with some rows need not show: a step that fills gaps with the
    median of what it is given, say.
    """
    found = _Parts(_Nowhere())
    try:
        found.dump(estimator)
    except Exception:
        return False
    return found.are_known


class _Nowhere:
    """A file that keeps nothing: a model may hold a hundred megabytes."""

    def write(self, content: Any) -> int:  # noqa: ANN401
        """Takes the bytes."""
        return len(content)


class _Parts(pickle.Pickler):
    """Goes through all that an estimator is made of, without its arrays."""

    are_known = True

    def persistent_id(self, obj: Any) -> str | None:  # noqa: ANN401
        if isinstance(obj, np.ndarray) and obj.dtype != object:
            return "an array"
        if isinstance(obj, type | FunctionType | BuiltinFunctionType):
            self.are_known &= str(obj.__module__).partition(".")[0] in _ROW_BY_ROW
        elif type(obj).__name__ == "FunctionTransformer":
            # Functions of arrays may do anything; numpy's own universal ones work element by element.
            self.are_known &= all(each is None or isinstance(each, np.ufunc) for each in _functions(obj))
        return None


def _functions(transformer: Any) -> Iterator[Any]:  # noqa: ANN401
    yield transformer.func
    yield transformer.inverse_func
