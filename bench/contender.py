"""A contender: one way to score a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .customers import CUSTOMERS, declared, predictors
from .models import fitted

if TYPE_CHECKING:
    from .setting import Session

_COMPARED = 200
# float32 throughout differs by 1e-7; a customer exactly on a rounded border may fall on its other side.
_TOLERANCE = 1e-5
_SAME = 0.98


class NotTheSameError(Exception):
    """A contender that computes something else, or loses something: its time says nothing."""


class BaselineError(Exception):
    """What pgscore is compared with does not work: nothing can be measured."""


@dataclass(frozen=True)
class Contender:
    """One way to score a row.

    Attributes:
        name: what it is called in the output.
        score: an SQL expression: the score of row `c`.
        update: a statement that scores and stores the customer `$1`, prepared and run in its own transaction.
    """

    name: str
    score: str
    update: str


def scoring_update(score: str, table: str = CUSTOMERS) -> str:
    """The statement that a contender runs for one row."""
    return f"update {table} c set score = {score} where c.id = $1"  # noqa: S608  our own text


def arguments() -> str:
    """The 15 columns of row `c`, as arguments."""
    return ", ".join(f"c.{name}" for name in declared())


def parameters() -> str:
    """The same as parameters of a function."""
    return ", ".join(f"{name} double precision" for name in declared())


def check(session: Session, contender: Contender, model: str) -> None:
    """Compares the contender's scores with those of the fitted estimator.

    Raises:
        NotTheSameError: they differ in more rows than rounding explains.
    """
    found = session.run(
        f"select {contender.score} from {CUSTOMERS} c where c.id <= {_COMPARED} order by c.id"  # noqa: S608
    )
    expected = fitted(model).predict_proba(predictors().head(_COMPARED))[:, 1]
    near = np.abs(np.array([score for (score,) in found], dtype=float) - expected) <= _TOLERANCE
    if np.mean(near) < _SAME:
        raise NotTheSameError(f"{contender.name}: {np.sum(~near)} of {_COMPARED} scores of {model} are wrong")
