"""Random tables: with ties, gaps, borders that float32 does not see, huge and tiny numbers, and any Unicode."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from .draw import Draw
    from .kinds import Target

    FloatArray = np.ndarray[Any, np.dtype[np.floating[Any]]]

Kind = Literal["double precision", "text", "boolean"]
_NAMES = ("amount", "calls", "größe", "two words", "UPPER", "x_1", "o'clock", "数", "select", "a.b", "b-c", "é")
_PLAIN = ("gold", "silver", "tin", "wood", "zinc", "GOLD", "gold ", " gold", "", "x" * 70, "a'b", "1", "1.0", "true")
_ANY = (
    "ä", "𝄞", "ß", "SS", '"', "\\", "a\tb", "a\nb", "e\u0301", "é", "\x7f", "%s", "$1", "{}", "NaN", "None", "null",
    "inf", "-0", "\u200b", "\ufeff", "\U0010ffff", "ﬁ", "İ", "i", "٣", "\x01", "--", "'; drop", "\u2028", "~", "\ue000",
)  # fmt: skip
_HUGE = 2.0**53


@dataclass(frozen=True)
class Data:
    """What a model is fitted on.

    Attributes:
        frame: rows x inputs: numbers, texts as objects, booleans.
        kinds: by input, what it is.
        target: what is to be learnt.
        palettes: by text input, texts that may occur in it.
    """

    frame: pd.DataFrame
    kinds: dict[str, Kind]
    target: np.ndarray[Any, Any]
    palettes: dict[str, list[str]]

    def columns(self, *kinds: Kind) -> list[str]:
        """The names of the inputs of these kinds."""
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def complete(self, names: list[str]) -> Data:
        """The rows in which none of these inputs is missing."""
        chosen = self.frame[names].notna().all(axis=1).to_numpy()
        return replace(self, frame=self.frame[chosen].reset_index(drop=True), target=self.target[chosen])


def _ties(draw: Draw, rows: int) -> FloatArray:
    return draw.random.choice(draw.random.normal(0, 3, draw.whole(2, 6)), rows)


def _beside_singles(draw: Draw, rows: int) -> FloatArray:
    """Doubles that are a few float32 steps apart, or that one float32 stands for."""
    base = np.float32(draw.scale(1e-3, 1e6))
    step = float(np.spacing(base)) * draw.pick((0.25, 0.5, 1.0))
    return float(base) + step * draw.random.integers(-4, 5, rows)


_FLAVOURS: dict[str, Callable[[Draw, int], FloatArray]] = {
    "normal": lambda draw, rows: draw.random.normal(draw.real(-50, 200), draw.scale(0.1, 60), rows),
    "ties": _ties,
    "whole": lambda draw, rows: draw.random.integers(-3, 12, rows).astype(float),
    "codes": lambda draw, rows: draw.random.integers(0, 5, rows).astype(float),
    "beside singles": _beside_singles,
    "huge": lambda draw, rows: draw.random.normal(0, 1, rows) * draw.pick((1e12, 1e30)),
    "tiny": lambda draw, rows: draw.random.normal(0, 1, rows) * draw.pick((1e-12, 1e-38, 1e-42)),
    "past doubles' integers": lambda draw, rows: _HUGE + 2.0 * draw.random.integers(-9, 90, rows),
    "skewed": lambda draw, rows: np.exp(draw.random.normal(0, 2, rows)),
    "signed zeros": lambda draw, rows: draw.random.choice([-0.0, 0.0, -1.0, 1.0], rows),
    "constant": lambda draw, rows: np.full(rows, draw.pick((0.0, 3.5, -1.0))),
    "share": lambda draw, rows: draw.random.random(rows),
}
_FREQUENT = ("normal", "ties", "whole", "skewed", "share", "codes")


def draw_data(
    draw: Draw, target: Target, *, numbers: int, texts: int, booleans: int, gaps: bool, codes: bool = False
) -> Data:
    """A table and a target that has to do with it.

    Args:
        draw: chooses.
        target: of what kind.
        numbers: how many inputs are numbers.
        texts: how many are texts.
        booleans: how many are true or false.
        gaps: whether values are missing.
        codes: whether all numbers are small integers from 0 on.
    """
    rows = draw.whole(40, 110)
    columns: dict[str, Any] = {}
    kinds: dict[str, Kind] = {}
    palettes: dict[str, list[str]] = {}
    counts: dict[Kind, int] = {"double precision": numbers, "text": texts, "boolean": booleans}
    order = [kind for kind, count in counts.items() for _ in range(count)]
    names = draw.some(_NAMES, len(order), len(order))
    for name, kind in zip(names, draw.some(order, len(order), len(order)), strict=True):
        kinds[name] = kind
        if kind == "text":
            pool = draw.some(_PLAIN, 2, 5) + (draw.some(_ANY, 1, 4) if draw.chance(0.5) else [])
            chances = draw.random.dirichlet(np.full(len(pool), draw.pick((0.4, 5.0))))
            palettes[name] = pool
            columns[name] = pd.Series(draw.random.choice(np.array(pool, dtype=object), rows, p=chances), dtype=object)
        elif kind == "boolean":
            columns[name] = draw.random.random(rows) < draw.real(0.2, 0.8)
        else:
            flavour = "codes" if codes else draw.pick(_FREQUENT) if draw.chance(0.6) else draw.pick(list(_FLAVOURS))
            columns[name] = _FLAVOURS[flavour](draw, rows)
    frame = pd.DataFrame(columns)
    wanted = _target(draw, frame, kinds, target)
    return Data(_with_gaps(draw, frame, kinds) if gaps else frame, kinds, wanted, palettes)


def _with_gaps(draw: Draw, frame: pd.DataFrame, kinds: dict[str, Kind]) -> pd.DataFrame:
    """The frame with missing values behind its first rows, which stay complete."""
    changed = frame.copy()
    for name, kind in kinds.items():
        if draw.chance(0.3):
            continue
        chosen = (draw.random.random(len(frame)) < draw.real(0.02, 0.4)) & (frame.index > 2)
        if kind == "boolean":
            changed[name] = changed[name].astype(object)
        changed.loc[chosen, name] = np.nan
    return changed


def _target(draw: Draw, frame: pd.DataFrame, kinds: dict[str, Kind], target: Target) -> np.ndarray[Any, Any]:
    signal = draw.random.normal(0, 0.7, len(frame))
    for name, kind in kinds.items():
        codes = pd.factorize(frame[name])[0] if kind == "text" else frame[name].rank(method="dense").to_numpy()
        spread = float(codes.std()) or 1.0
        signal = signal + draw.real(-1.5, 1.5) * (codes - codes.mean()) / spread
    if target == "value":
        return signal * draw.scale(1e-3, 1e4) + draw.pick((0.0, 100.0, -1e5))
    if target == "positive":
        return np.exp(np.clip(signal, -5, 5))
    if target in ("counts", "groups"):
        return np.clip(np.round(np.exp(signal / 2)), 0, 5 if target == "groups" else 60)
    classes = 2 if target == "binary" else draw.whole(3, 4)
    labels = draw.pick(_LABELS[classes])
    places = pd.qcut(pd.Series(signal).rank(method="first"), classes, labels=False).to_numpy()
    found: np.ndarray[Any, Any] = np.array(labels, dtype=object if isinstance(labels[0], str) else None)[places]
    return found


_LABELS: dict[int, tuple[tuple[Any, ...], ...]] = {
    2: (("no", "yes"), (0, 1), (False, True), (-1, 1), ("ä", "𝄞"), (3, 7)),
    3: (("class 0", "class 1", "class 2"), (0, 1, 2), ("", " ", "x"), (1, 5, 9)),
    4: (("a", "b", "c", "d"), (0, 1, 2, 3)),
}
