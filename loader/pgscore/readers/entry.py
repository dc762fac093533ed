"""From a fitted estimator to a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline

from pgscore.errors import NotAProgramError

from .columns import NumberColumn, Table, TextColumn
from .compose import part_name, transform
from .domains import Domains
from .histogram import HISTOGRAM, read_histogram
from .linear import CLASSIFIERS, REGRESSORS, read_linear
from .trees import BOOSTED, FORESTS, TREES, read_boosted, read_forest, read_tree
from .writer import Result, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore_runtime.contract import Contract

_FAMILIES: tuple[tuple[tuple[type, ...], Callable[[Any, Table, Writer, str], Result]], ...] = (
    (REGRESSORS, read_linear),
    (CLASSIFIERS, read_linear),
    (TREES, read_tree),
    (FORESTS, read_forest),
    (BOOSTED, read_boosted),
    (HISTOGRAM, read_histogram),
)
# Subclasses may predict otherwise: a class is read where it is itself in the list.
_READERS = {kind: reader for kinds, reader in _FAMILIES for kind in kinds}


def read_program(estimator: Any, contract: Contract) -> dict[str, Any]:  # noqa: ANN401
    """The program of a fitted estimator, as `docs/program.md` says; `json.dumps` makes text of it.

    Args:
        estimator: a fitted scikit-learn estimator or pipeline.
        contract: as `describe` found it by asking the estimator.

    Raises:
        NotAProgramError: a part of it cannot be part of a program; the message names the part.
    """
    domains = Domains(contract)
    columns = tuple(TextColumn(n) if each.is_text else NumberColumn(n) for n, each in enumerate(contract.inputs))
    writer = Writer(domains)
    table, predictor, name = _predictor(estimator, Table(columns), domains)
    reader = _READERS.get(type(predictor))
    if reader is None:
        raise NotAProgramError(
            part_name(predictor, name), f"is a {type(predictor).__name__}, which cannot become a program"
        )
    result = reader(predictor, table, writer, part_name(predictor, name))
    _agree(domains, contract)
    if contract.output.kind == "indicator" and result.link not in ("sign", "argmax"):
        raise NotAProgramError(part_name(predictor, name), "gives probabilities, and the contract wants labels")
    return writer.document(result)


def _predictor(
    estimator: Any,  # noqa: ANN401
    table: Table,
    domains: Domains,
    name: str | None = None,
) -> tuple[Table, Any, str | None]:
    """The last step of nested pipelines, its name, and the columns that reach it."""
    while isinstance(estimator, Pipeline):
        for step_name, step in estimator.steps[:-1]:
            table = transform(step, table, domains, step_name)
        name, estimator = estimator.steps[-1]
    return table, estimator, name


def _agree(domains: Domains, contract: Contract) -> None:
    """Takes over what the estimator said, when it was asked, of missing values.

    Where it refused one that its reader would accept, there is no score either way. The contrary is a reader's error.
    """
    for described, domain in zip(contract.inputs, domains.of, strict=True):
        if described.nullable and not domain.nullable:
            raise NotAProgramError(
                f"input {described.name!r}",
                "may be missing as the contract says, and may not as the estimator's parts say",
            )
        domain.nullable = described.nullable
