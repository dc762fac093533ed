"""Whether profile tables fit their models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.database import rows
from pgscore.publishing.profile import read_profile

from .finding import Finding, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812


def check_profiles(connection: Connection, models: list[dict[str, Any]]) -> Iterator[Finding]:
    """Whether profile tables have the columns that their models read."""
    contracts = {each["model"]: each["contract"] for each in models}
    for tie in rows(
        connection,
        "select model, name as profile, is_gone as gone, is_made_anew,"
        " format('select pgscore._add_profile(%L, %L)', model, name) as adding from pgscore._model_profiles()"
        " order by 1, 2",
    ):
        if tie["is_made_anew"]:
            sentence = f"{tie['profile']} was dropped and made anew: its rows are scored slowly"
            yield Finding("warning", tie["model"], sentence, tie["adding"])
        elif tie["gone"]:
            sentence = f"its profile table {tie['profile']} was dropped"
            yield Finding("warning", tie["model"], sentence, f"`pgscore forget {tie['model']} {tie['profile']}`.")
        if tie["gone"]:
            continue
        if tie["model"] not in contracts:
            continue
        yield from guarded(connection, tie["profile"], _profile, tie["profile"], contracts[tie["model"]])
    # What a promotion had to leave out, because somebody held it, or a table that has changed since.
    for late in rows(
        connection,
        "select o.model, o.profile::text as profile, quote_literal(o.profile) as quoted"
        " from pgscore._outdated_profiles() o",
    ):
        yield Finding(
            "warning",
            late["profile"],
            f"its rows are scored slowly by model {late['model']}: the functions for them are not up to date",
            f"select pgscore._generate_profile({late['quoted']})",
        )


def _profile(connection: Connection, table: str, contract: dict[str, Any]) -> Iterator[Finding]:
    profile = read_profile(connection, table)
    profile.check([each["name"] for each in contract["inputs"]])
    changed = [
        f"{each['name']} is {profile.declared[each['name']]}, and the model reads {each['type']}"
        for each in contract["inputs"]
        if profile.columns[each["name"]] != each["type"]
    ]
    if changed:
        yield Finding("problem", table, "; ".join(changed), "Change the type back, or publish a model fitted on it.")
    else:
        yield Finding("ok", table, f"has the {len(contract['inputs'])} columns that the model reads")
