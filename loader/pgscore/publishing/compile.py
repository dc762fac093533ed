"""From a fitted estimator to a program, where it can become one; else what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pgscore.errors import NotAProgramError
from pgscore.readers import absolute_terms, read_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import Contract

    from .describe import GoldenRow


def compile_program(estimator: Any, contract: Contract) -> tuple[dict[str, Any] | None, str | None]:  # noqa: ANN401
    """The program of a fitted estimator and None; or None and which part cannot be part of one."""
    try:
        return read_program(estimator, contract), None
    except NotAProgramError as obstacle:
        return None, str(obstacle)


def scaled(golden_rows: Sequence[GoldenRow], program: Mapping[str, Any] | None) -> list[GoldenRow]:
    """Golden rows with the scales by which differences of a linear model's scores are measured."""
    if program is None:
        return list(golden_rows)
    terms = absolute_terms(program, [row.inputs for row in golden_rows])
    return [replace(row, scale=min(term, 1e300)) for row, term in zip(golden_rows, terms, strict=True)]
