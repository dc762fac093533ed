"""How predictors are drawn: a table for each subject, put together here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import boosters, ensembles, linear, others, trees, wrappers

if TYPE_CHECKING:
    from tests.drawn.kinds import Predictor

PREDICTORS: dict[str, Predictor] = {
    **linear.PREDICTORS, **trees.PREDICTORS, **boosters.PREDICTORS, **wrappers.PREDICTORS, **ensembles.PREDICTORS,
    **others.PREDICTORS,
}  # fmt: skip
