"""`pgscore attach`, `detach`, `reattach`, `reconcile` and `tick`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pgscore import bindings
from pgscore.database import connected

from .app import Dsn, Json, Model, app, command
from .files import given_text
from .output import print_json, say, steps, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore.bindings import Attached, Reconciled, Removed

Events = Annotated[
    str, typer.Argument(metavar="EVENTS", show_default=False, help="The event table, such as shop.complaints.")
]
Profile = Annotated[
    str, typer.Argument(metavar="PROFILE", show_default=False, help="The profile table, such as shop.customer.")
]


@command(
    app,
    "attach",
    "pgscore attach churn shop.complaints shop.customer --event-key customer_id \\",
    "    --profile-key id --count complaints --score churn_score",
    "pgscore attach churn shop.payments shop.customer --event-key customer_id \\",
    "    --profile-key id --reducers @payments.json --score churn_score --json",
)
def attach(
    model: Model,
    events: Events,
    profile: Profile,
    event_key: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN", show_default=False, help="The events' column that names the profile; again for more."
        ),
    ],
    profile_key: Annotated[
        list[str],
        typer.Option(metavar="COLUMN", show_default=False, help="The profile's column that it names; again for more."),
    ],
    score: Annotated[
        str, typer.Option(metavar="COLUMN", show_default=False, help="The profile's column for the score.")
    ],
    reducers: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="How events change the profile: JSON, or @FILE with it."),
    ] = None,
    count: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of the profile that counts its events; may be given again."),
    ] = None,
    version_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The profile's column for the version that gave the score.")
    ] = None,
    scored_at_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The profile's column for the time of the score.")
    ] = None,
    timing: Annotated[
        str,
        typer.Option(metavar="commit|statement", help="When profiles change: at commit, or as each statement ends."),
    ] = "commit",
    on_error: Annotated[
        str, typer.Option(metavar="keep|abort", help="A row that cannot be scored: keep it as stale, or abort.")
    ] = "keep",
    on_missing: Annotated[
        str, typer.Option(metavar="ignore|insert|error", help="What to do about events without a profile.")
    ] = "ignore",
    max_scoring_ms: Annotated[
        int | None, typer.Option(metavar="MS", help="Milliseconds after which the rest of many rows stays stale.")
    ] = None,
    no_log: Annotated[bool, typer.Option("--no-log", help="Write no score to the prediction log.")] = False,
    without_index: Annotated[
        bool, typer.Option("--without-index", help="Attach a large table although no index finds a profile's events.")
    ] = False,
    notify_above: Annotated[
        float | None, typer.Option(metavar="SCORE", help="NOTIFY pgscore of scores that rise above it.")
    ] = None,
    notify_below: Annotated[
        float | None, typer.Option(metavar="SCORE", help="NOTIFY pgscore of scores that fall below it.")
    ] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Write changes of the score to pgscore.score_change, for consumers.")
    ] = False,
    reasons: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="A column, jsonb or text[], for what adds most to the score.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, metavar="COUNT", help="How many inputs it names.")] = 3,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Attaches an event table to a profile table.

    From then on each event moves columns of its profile, and the score. What the tables hold already is counted too,
    of large tables while they are in use; after an interruption the same command goes on. Called again it changes
    timing, policies, log, reasons and what is told. A large event table needs an index on the key; the refusal names
    the statements.
    """
    wanted = _reducers(reducers, count or [])
    with connected(dsn) as connection:
        attached = bindings.attach(
            connection,
            model,
            events,
            profile,
            event_key=event_key,
            profile_key=profile_key,
            reducers=wanted,
            score=score,
            version=version_column,
            scored_at=scored_at_column,
            timing=timing,
            on_error=on_error,
            on_missing=on_missing,
            max_scoring_ms=max_scoring_ms,
            log=not no_log,
            without_index=without_index,
            notify_above=notify_above,
            notify_below=notify_below,
            changes=changes,
            reasons=reasons,
            top=top,
        )
        if not as_json:
            say(f"{events} is attached to {profile}: its events move {_columns(wanted)} and the score of {model}.")
            # Before the counting, which an index may shorten by far.
            _advise(attached)
        counted = None
        if attached.uncounted:
            with steps(f"counting {events}", of_bytes=False) as step:
                counted = bindings.count_events(connection, attached, progress=step)
    if as_json:
        print_json(
            {
                "binding": attached.binding,
                "counted": counted.checked if counted else None,
                "advice": [asdict(each) for each in attached.advice],
            }
        )
    elif counted is not None:
        say(f"The events from before are counted, for {counted.checked:,} profiles.")


@command(
    app,
    "detach",
    "pgscore detach shop.complaints shop.customer",
    "pgscore detach shop.complaints shop.customer --model churn --json",
    "pgscore detach --binding shop.complaints",
)
def detach(
    events: Annotated[str, typer.Argument(metavar="[EVENTS]", show_default=False, help="The event table.")] = "",
    profile: Annotated[str, typer.Argument(metavar="[PROFILE]", show_default=False, help="The profile table.")] = "",
    model: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Detach this model's binding only.")
    ] = None,
    binding: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", show_default=False, help="A binding by its name, instead of tables; again for more."
        ),
    ] = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Detaches an event table from a profile table.

    Triggers and generated functions go, for all models that score the profile by these events or for one of them.
    Counters, scores and what was logged stay.
    """
    if bool(binding) == bool(events) or bool(events) != bool(profile) or (binding and model):
        raise typer.BadParameter("name the event table and the profile table, or bindings: --binding NAME")
    if binding:
        removed = bindings.detach_bindings(dsn, *binding)
        said = f"{', '.join(binding)}: detached"
    else:
        removed = bindings.detach(dsn, events, profile, model=model)
        said = f"{events} is detached from {profile}{f' for {model}' if model else ''}"
    if as_json:
        print_json({"events": events, "profile": profile, "removed": [asdict(each) for each in removed]})
    else:
        say(f"{said}; counters and scores stay as they are.", f"Removed: {_counted(removed)}.")


@command(
    app, "reattach", "pgscore reattach", "pgscore reattach shop.complaints shop.customer", "pgscore reattach --json"
)
def reattach(
    events: Annotated[str, typer.Argument(metavar="[EVENTS]", show_default=False, help="The event table.")] = "",
    profile: Annotated[str, typer.Argument(metavar="[PROFILE]", show_default=False, help="The profile table.")] = "",
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Generates anew what belongs to bindings.

    Without tables: all of yours that another release generated, that somebody has changed, or whose tables have changed
    since, each in a transaction of its own, while the tables are in use. It exits with 1 if one could not be mended.
    """
    if bool(events) != bool(profile):
        raise typer.BadParameter("name the event table and the profile table, or neither")
    if events:
        bindings.reattach(dsn, events, profile)
        done = [bindings.Reattached(events)]
    else:
        with steps("reattaching", of_bytes=False) as step:
            done = bindings.reattach_outdated(dsn, progress=step)
    failed = [each for each in done if each.problem is not None]
    if as_json:
        print_json({"ok": not failed, "bindings": [asdict(each) for each in done]})
    elif not done:
        say("Nothing is outdated.")
    else:
        for each in done:
            say(f"{each.binding}: {each.problem or 'reattached'}", *([f"      {each.hint}"] if each.hint else []))
    if failed:
        raise typer.Exit(1)


@command(
    app,
    "reconcile",
    "pgscore reconcile shop.complaints shop.customer",
    "pgscore reconcile shop.complaints shop.customer --check --json",
)
def reconcile(
    events: Events,
    profile: Profile,
    check: Annotated[bool, typer.Option("--check", help="Mend nothing; exit with 1 if anything differs.")] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Compares counters with the events, and mends them.

    It goes through the profiles some hundred at a time while the tables are in use; after an interruption the same
    command goes on.
    """
    with steps(f"reconciling {profile}", of_bytes=False) as step:
        found = bindings.reconcile(dsn, events, profile, repair=not check, progress=step)
    differing = sum(each.differing for each in found)
    if as_json:
        print_json({"ok": not (check and differing), "repair": not check, "bindings": [_document(e) for e in found]})
    else:
        _report(found)
    if check and differing:
        raise typer.Exit(1)


@command(app, "tick", "pgscore tick", "pgscore tick shop.complaints shop.customer", "pgscore tick --json")
def tick(
    events: Annotated[str, typer.Argument(metavar="[EVENTS]", show_default=False, help="The event table.")] = "",
    profile: Annotated[str, typer.Argument(metavar="[PROFILE]", show_default=False, help="The profile table.")] = "",
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Brings up profiles that are due, and their scores.

    A profile is due when one of its events has left a window of time. Without tables: of all of your bindings with
    windows. It goes through what is due some hundred at a time while the tables are in use, and leaves rows that others
    have locked to the next call. It exits with 1 if a binding fails.
    """
    if bool(events) != bool(profile):
        raise typer.BadParameter("name the event table and the profile table, or neither")
    with steps("ticking", of_bytes=False) as step:
        done = bindings.tick(dsn, events or None, profile or None, progress=step)
    failed = [each for each in done if each.problem is not None]
    if as_json:
        print_json({"ok": not failed, "bindings": [asdict(each) for each in done]})
    elif not done:
        say("No binding of yours has a window, so nothing is due.")
    else:
        for each in done:
            left = f"; {each.locked:,} were locked by others and are due until the next tick" if each.locked else ""
            said = f"{each.binding}: {each.ticked:,} profiles brought up{left}."
            say(
                said,
                *([f"      {each.problem}"] if each.problem else []),
                *([f"      {each.hint}"] if each.hint else []),
            )
    if failed:
        raise typer.Exit(1)


def _report(found: Sequence[Reconciled]) -> None:
    examples = [(each.binding, example) for each in found for example in each.examples]
    if examples:
        table(("binding", "profile and its counters"), examples)
        say("")
    for each in found:
        ending = "" if not each.differing else ", which were mended" if each.repaired else ", and were left as they are"
        left = each.differing - len(each.examples)
        more = f" ({left:,} of them not shown)" if left > 0 else ""
        say(f"{each.binding}: {each.checked:,} profiles compared, {each.differing:,} differed{more}{ending}.")
        if each.resumed:
            say("It went on where an earlier call had stopped; run it again to compare those before, too.")


def _document(found: Reconciled) -> dict[str, object]:
    return {name: value for name, value in asdict(found).items() if name != "repaired"}


def _advise(attached: Attached) -> None:
    for each in attached.advice:
        say(f"hint: {each.sentence}", *(f"      {statement}" for statement in each.statements))


def _counted(removed: Sequence[Removed]) -> str:
    kinds = [each.kind for each in removed]
    return ", ".join(
        f"{kinds.count(kind)} {kind}{'' if kinds.count(kind) == 1 else 's'}" for kind in dict.fromkeys(kinds)
    )


def _reducers(given: str | None, counters: Sequence[str]) -> list[Mapping[str, object]]:
    """The reducers as a list: those given as JSON or in a file, and one for each counter."""
    counts: list[Mapping[str, object]] = [{"column": column, "aggregate": "count"} for column in counters]
    if given is None:
        if not counts:
            raise typer.BadParameter("say how events change the profile: --count COLUMN or --reducers JSON")
        return counts
    try:
        found = json.loads(given_text(given))
    except ValueError as error:
        raise typer.BadParameter(f"--reducers is no JSON: {error}") from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise typer.BadParameter('--reducers is a list such as [{"column": "n", "aggregate": "count"}]')
    return [*found, *counts]


def _columns(reducers: Sequence[Mapping[str, object]]) -> str:
    return ", ".join(str(each.get("column")) for each in reducers)
