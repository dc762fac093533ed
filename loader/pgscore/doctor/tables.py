"""Whether profile tables fit their models, and whether bindings work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.database import row, rows

from .finding import Finding, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812


def check_profiles(connection: Connection, models: list[dict[str, Any]]) -> Iterator[Finding]:
    """Whether profile tables have the columns that their models read."""
    # Imported here: it brings pandas, which takes half a second.
    from pgscore.golden import read_profile

    contracts = {each["model"]: each["contract"] for each in models}
    for tie in rows(
        connection,
        "select p.model, p.profile::text as profile, c.oid is null as gone from pgscore.model_profile p"
        " left join pg_class c on c.oid = p.profile order by 1, 2",
    ):
        if tie["gone"]:
            sentence = f"its profile table (once number {tie['profile']}) was dropped"
            yield Finding("warning", tie["model"], sentence, "Publish the model again with another --profile.")
            continue
        if tie["model"] not in contracts:
            continue
        yield from guarded(connection, tie["profile"], _profile, tie["profile"], contracts[tie["model"]], read_profile)


def _profile(
    connection: Connection, table: str, contract: dict[str, Any], read_profile: Callable[..., Any]
) -> Iterator[Finding]:
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


def check_bindings(connection: Connection) -> Iterator[Finding]:
    """Whether bindings have their tables and triggers, and which rows are stale."""
    for each in rows(
        connection,
        "select b.name, b.model, b.events::text as events, b.profile::text as profile, e.oid is null as no_events,"
        " p.oid is null as no_profile, m.serving, array(select tgname::text from pg_trigger where tgrelid = b.events"
        r"   and not tgisinternal and tgname like 'pgscore\_%%' and tgenabled in ('O', 'A')) as enabled,"
        " array(select tgname::text from pg_trigger where tgrelid = b.events and not tgisinternal"
        r"   and tgname like 'pgscore\_%%' and tgenabled in ('D', 'R')) as disabled"
        " from pgscore.binding b left join pg_class e on e.oid = b.events left join pg_class p on p.oid = b.profile"
        " left join pgscore.model m on m.name = b.model order by b.name",
        (),
    ):
        yield from _binding(each)
        yield from guarded(connection, each["name"], _stale, each["name"])


def _binding(binding: dict[str, Any]) -> Iterator[Finding]:
    name, events = binding["name"], binding["events"]
    for table, gone in (("event", binding["no_events"]), ("profile", binding["no_profile"])):
        if gone:
            yield Finding("problem", name, f"its {table} table was dropped", "Remove the binding.")
            return
    for trigger in binding["disabled"]:
        yield Finding(
            "problem",
            name,
            f"the trigger {trigger} on {events} is disabled: its events move no counter and no score",
            f"alter table {events} enable trigger {trigger}; what came meanwhile is not counted.",
        )
    if not binding["enabled"] and not binding["disabled"]:
        sentence = f"{events} has no trigger of pgscore: its events move no counter and no score"
        yield Finding("problem", name, sentence, "Bind the tables again.")
    elif not binding["disabled"]:
        yield Finding("ok", name, f"events move the counters of {binding['profile']}")
    if binding["serving"] is None:
        sentence = f"no version of the model {binding['model']} answers: counters move, and the score is not computed"
        yield Finding("warning", name, sentence, f"`pgscore promote {binding['model']} VERSION` makes one answer.")


def _stale(connection: Connection, binding: str) -> Iterator[Finding]:
    stale = row(
        connection,
        "select count(*) as many, min(reason) as reason from pgscore.stale where binding = %s",
        (binding,),
    )
    if stale["many"]:
        yield Finding(
            "problem",
            binding,
            f"{stale['many']} stale row{'s' if stale['many'] > 1 else ''}, for reasons such as: {stale['reason']}",
            "select key, reason, since from pgscore.stale lists them; each is scored again at its next event.",
        )
