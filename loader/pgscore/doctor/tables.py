"""Whether the tables that models score have what the models read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .look import Look

# Clears away what was dropped by what it is, and not by a number.
_FORGET = (
    "delete from pgscore.model_profile p"
    " where p.model = '{model}' and not exists (select from pg_class c where c.oid = p.profile);"
)


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
    dropped: set[str] = set()
    for each in look.ask(_Scored, "_doctor_profiles"):
        if each.profile is None:
            if not each.is_bound and each.model not in dropped:
                dropped.add(each.model)
                sentence = "a table whose rows it scored was dropped"
                yield Finding("scored-dropped", each.model, sentence, _FORGET.format(model=each.model))
        elif each.problem:
            yield Finding("scored-misfit", each.profile, f"model {each.model}: {each.problem}", each.hint or "")
        elif (each.model, each.profile) in slow:
            sentence = f"its rows are scored slowly by model {each.model}: the functions for them are not up to date"
            remedy = f"select pgscore._generate_profile({slow[each.model, each.profile]});"
            yield Finding("scored-slowly", each.profile, sentence, remedy)
        elif each.inputs is not None:
            sentence = f"has the {each.inputs} columns that model {each.model} reads"
            yield Finding("table", each.profile, sentence)
