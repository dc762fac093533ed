"""Whether the tables that models score have what the models read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .look import Look

_GONE = """
    select model, name, is_made_anew, format('select pgscore._add_profile(%L, %L);', model, name)
    from pgscore._model_profiles() where is_gone order by 1, 2
"""


@dataclass(frozen=True)
class _Gone:
    model: str
    name: str
    is_made_anew: bool
    adding: str


@dataclass(frozen=True)
class _Scored:
    model: str
    profile: str | None
    is_gone: bool
    is_bound: bool
    problem: str | None
    hint: str | None
    inputs: int | None


@dataclass(frozen=True)
class _Slow:
    model: str
    profile: str
    literal: str


def check_tables(look: Look) -> Iterator[Finding]:
    """Whether tables have the columns that models read, and functions that name the version that serves."""
    slow = {
        (each.model, each.profile): each.literal
        for each in look.rows(
            _Slow, "select o.model, o.profile::text, quote_literal(o.profile) from pgscore._outdated_profiles() o"
        )
    }
    for gone in look.rows(_Gone, _GONE):
        if gone.is_made_anew:
            sentence = f"{gone.name} was dropped and made anew: its rows are scored slowly"
            yield Finding("scored-recreated", gone.model, sentence, gone.adding)
        else:
            sentence = f"{gone.name}, whose rows it scored, was dropped"
            yield Finding("scored-dropped", gone.model, sentence, f"pgscore forget {gone.model} '{gone.name}'")
    for each in look.ask(_Scored, "_doctor_profiles"):
        if each.profile is None:
            continue
        if each.problem:
            yield Finding("scored-misfit", each.profile, f"model {each.model}: {each.problem}", each.hint or "")
        elif (each.model, each.profile) in slow:
            sentence = f"its rows are scored slowly by model {each.model}: the functions for them are not up to date"
            remedy = f"select pgscore._generate_profile({slow[each.model, each.profile]});"
            yield Finding("scored-slowly", each.profile, sentence, remedy)
        elif each.inputs is not None:
            sentence = f"has the {each.inputs} columns that model {each.model} reads"
            yield Finding("table", each.profile, sentence)
