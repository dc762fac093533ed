"""The libraries whose estimators become programs, and which of their versions the readers were tested with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Library:
    """A library whose estimators have readers.

    Attributes:
        name: its name in a contract.
        module: what the names of its estimators' modules begin with.
        oldest: the first version that was tested, as far as it matters: ``3.0``.
        newest: the last.
    """

    name: str
    module: str
    oldest: str
    newest: str

    def doubt(self, version: str) -> str | None:
        """Why nothing is known of a version's programs, as a clause; None where it was tested, or lies between."""
        if _parts(version) > _parts(self.newest):
            return f"{self.name} {version} is newer than {self.newest}, the last that its reader was tested with"
        if _parts(version) < _parts(self.oldest):
            return f"{self.name} {version} is older than {self.oldest}, the first that its reader was tested with"
        return None


SCIKIT_LEARN = Library("scikit-learn", "sklearn", "1.4", "1.9")
IMBALANCED_LEARN = Library("imbalanced-learn", "imblearn", "0.12", "0.14")
XGBOOST = Library("xgboost", "xgboost", "3.0", "3.2")
LIGHTGBM = Library("lightgbm", "lightgbm", "4.3", "4.7")
CATBOOST = Library("catboost", "catboost", "1.2", "1.2")
BOOSTERS = (XGBOOST, LIGHTGBM, CATBOOST)
LIBRARIES = (SCIKIT_LEARN, IMBALANCED_LEARN, *BOOSTERS)


def doubts(versions: Mapping[str, str]) -> list[str]:
    """What is to be said of versions that no reader was tested with, of those in a contract."""
    found = [each.doubt(versions[each.name]) for each in LIBRARIES if each.name in versions]
    return [each for each in found if each is not None]


def _parts(version: str) -> tuple[int, ...]:
    """The first two numbers: what comes behind them mends, and changes no prediction."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
