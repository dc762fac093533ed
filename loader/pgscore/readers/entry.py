"""From a fitted estimator to a program."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from pgscore.errors import NotAProgramError

from . import catboost, lightgbm, xgboost
from .algebra.columns import NumberColumn, Table, TextColumn
from .algebra.domains import Domains
from .algebra.singles import Tolerance
from .dispatch import PREDICTORS, TRANSFORMERS, part_name, predict
from .mojo import reading as mojo
from .onnx import reader as onnx
from .pmml import reading as pmml
from .sklearn import (
    bagging,
    calibration,
    centroid,
    clustering,
    compose,
    decomposition,
    discretizing,
    discriminant,
    distributions,
    dummy,
    encoders,
    functions,
    histogram,
    impute,
    kernels,
    linear,
    naive_bayes,
    neural,
    one_vs_rest,
    polynomial,
    scaling,
    selection,
    splines,
    stacking,
    targets,
    trees,
    vector_machines,
    voting,
    wrappers,
)
from .writing.ranges import through_link
from .writing.writer import Result, Writer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pgscore_runtime.contract import Contract, ReasonCodes

for transformers in (
    compose, encoders, impute, scaling, selection, discretizing, functions, polynomial, splines, distributions,
    decomposition, kernels, clustering, discriminant,
):  # fmt: skip
    TRANSFORMERS.update(transformers.TRANSFORMERS)
_COMBINING = (wrappers, calibration, voting, stacking, bagging, one_vs_rest, targets)
for predictors in (*_COMBINING, selection, linear, trees, histogram, xgboost, lightgbm, catboost):
    PREDICTORS.update(predictors.PREDICTORS)
for files in (onnx, pmml, mojo):
    PREDICTORS.update(files.PREDICTORS)
for classic in (dummy, naive_bayes, discriminant, neural, vector_machines, clustering, centroid):
    PREDICTORS.update(classic.PREDICTORS)


@dataclass(frozen=True)
class Reading:
    """What was read of an estimator.

    Attributes:
        program: the document, as `docs/program.md` says; `json.dumps` makes text of it.
        tolerance: how far its outputs may be from the estimator's, where that adds in single precision; else None.
        errors: how far registers may be from what parts of the estimator give that add so.
        hashed: by input, texts whose hashes are tested, of those that the estimator holds hashes of alone.
        reason_codes: where a scorecard's reason codes come from, by registers of the program; else None.
    """

    program: dict[str, Any]
    tolerance: Tolerance | None
    errors: dict[int, float] = field(default_factory=dict)
    hashed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reason_codes: ReasonCodes | None = None


def read_program(
    estimator: Any,  # noqa: ANN401
    contract: Contract,
    examples: Mapping[str, Collection[str]] | None = None,
) -> Reading:
    """The program of a fitted estimator.

    Args:
        estimator: a fitted scikit-learn estimator or pipeline.
        contract: as `describe` found it by asking the estimator.
        examples: by input, texts that are known of it, for estimators that keep no texts of categories themselves.

    Raises:
        NotAProgramError: a part of it cannot be part of a program; the message names the part.
    """
    domains = Domains(contract, examples)
    columns = tuple(TextColumn(n) if each.is_text else NumberColumn(n) for n, each in enumerate(contract.inputs))
    writer = Writer(domains)
    result = predict(estimator, Table(columns), writer)
    if len(contract.output.classes) == 1 and result.link == "logistic":
        # Fitted on one class it has two probabilities, of which the first counts.
        result = Result(writer.outputs(result)[:1], "identity")
    _agree(domains, contract)
    if contract.output.kind == "indicator" and result.link not in ("sign", "argmax"):
        raise NotAProgramError(part_name(estimator, None), "gives probabilities, and the contract wants labels")
    tolerance = _tolerance(writer, result)
    hashed = {contract.inputs[n].name: tuple(sorted(texts)) for n, texts in sorted(domains.hashed.items())}
    return Reading(writer.document(result), tolerance, dict(writer.errors), hashed, result.reason_codes)


def _tolerance(writer: Writer, result: Result) -> Tolerance | None:
    """How far outputs may be from the estimator's, where a part of it adds in single precision.

    That is how far this part's own may be; how much farther a row's, `single_errors` tells.
    """
    if not writer.errors:
        return result.tolerance
    outputs = through_link(result.link, [writer.range(score) for score in result.scores])
    deciding = [writer.range(register) for register in result.decide or ()]
    behind = any(each.error for each in outputs)
    bounded = all(isfinite(error) for error in writer.errors.values())
    torn = any(each.is_torn for each in (*outputs, *deciding))
    if torn or (behind and (result.tolerance is not None or not bounded)):
        raise NotAProgramError(
            writer.single_part, "adds in single precision, and what follows decides by less than that tells apart"
        )
    if not behind:
        return result.tolerance
    return Tolerance(max(writer.errors[each] / max(1.0, writer.range(each).most) for each in writer.sources))


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
