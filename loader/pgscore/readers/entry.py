"""From a fitted estimator to a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pgscore_runtime.contract import LARGEST_TOLERANCE

from pgscore.errors import NotAProgramError

from . import catboost, lightgbm, xgboost
from .algebra.columns import NumberColumn, Table, TextColumn
from .algebra.domains import Domains
from .algebra.singles import Tolerance
from .dispatch import PREDICTORS, TRANSFORMERS, part_name, predict
from .sklearn import (
    bagging,
    calibration,
    compose,
    encoders,
    histogram,
    impute,
    linear,
    scaling,
    stacking,
    trees,
    voting,
    wrappers,
)
from .writing.ranges import through_link
from .writing.writer import Result, Writer

if TYPE_CHECKING:
    from pgscore_runtime.contract import Contract

for transformers in (compose, encoders, impute, scaling):
    TRANSFORMERS.update(transformers.TRANSFORMERS)
for predictors in (
    wrappers, calibration, voting, stacking, bagging, linear, trees, histogram, xgboost, lightgbm, catboost,
):  # fmt: skip
    PREDICTORS.update(predictors.PREDICTORS)

# A tolerance as boosters have it.
_USUAL = 1e-6


@dataclass(frozen=True)
class Reading:
    """What was read of an estimator.

    Attributes:
        program: the document, as `docs/program.md` says; `json.dumps` makes text of it.
        tolerance: how far its outputs may be from the estimator's, where that adds in single precision; else None.
    """

    program: dict[str, Any]
    tolerance: Tolerance | None


def read_program(estimator: Any, contract: Contract) -> Reading:  # noqa: ANN401
    """The program of a fitted estimator.

    Args:
        estimator: a fitted scikit-learn estimator or pipeline.
        contract: as `describe` found it by asking the estimator.

    Raises:
        NotAProgramError: a part of it cannot be part of a program; the message names the part.
    """
    domains = Domains(contract)
    columns = tuple(TextColumn(n) if each.is_text else NumberColumn(n) for n, each in enumerate(contract.inputs))
    writer = Writer(domains)
    result = predict(estimator, Table(columns), writer)
    _agree(domains, contract)
    if contract.output.kind == "indicator" and result.link not in ("sign", "argmax"):
        raise NotAProgramError(part_name(estimator, None), "gives probabilities, and the contract wants labels")
    return Reading(writer.document(result), _tolerance(writer, result))


def _tolerance(writer: Writer, result: Result) -> Tolerance | None:
    """How far the outputs may be from the estimator's, where a part of it adds in single precision."""
    if not writer.errors:
        return result.tolerance
    outputs = through_link(result.link, [writer.range(score) for score in result.scores])
    error = max(each.error for each in outputs)
    if error == 0:
        return result.tolerance
    most = max(1.0, *(each.most for each in outputs))
    # Of what has no bound, so large a sum that a usual part of it makes the difference.
    terms = most if np.isfinite(most) else max(1.0, error / _USUAL)
    if result.tolerance is not None or not error / terms <= LARGEST_TOLERANCE:
        raise NotAProgramError(
            writer.single_part, "adds in single precision, and what follows tells more apart than a program can"
        )
    return Tolerance(float(error / terms), float(terms))


def _agree(domains: Domains, contract: Contract) -> None:
    """Takes over what the estimator said, when it was asked, of missing values.

    Where it refused one that its reader would accept, there is no score either way. The contrary is a reader's error.
    """
    for register, described in enumerate(contract.inputs):
        domain = domains.of[register]
        if described.nullable and not domain.nullable:
            raise NotAProgramError(
                f"input {described.name!r}",
                "may be missing as the contract says, and may not as the estimator's parts say",
            )
        domain.nullable = described.nullable
