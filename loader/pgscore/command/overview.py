"""`pgscore compare` and `pgscore maintain`: what a promotion would change, and what it leaves to be done."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Annotated

import typer

from pgscore import overview
from pgscore.errors import PgscoreError
from pgscore.overview.compare import SAMPLE, TOP
from pgscore.publishing.documents import printable

from .ages import age
from .app import Dsn, Json, Model, app, command
from .files import given_text
from .output import bars, print_json, say, steps, table

_FOREVER = "forever"


@command(
    app,
    "compare",
    "pgscore compare churn 1 2",
    "pgscore compare churn 1 2 --profile shop.customer --all --threshold 0.5",
    "pgscore compare churn 1 2 --sample 100000 --json",
)
def compare(
    model: Model,
    version: Annotated[int, typer.Argument(metavar="VERSION", show_default=False, help="A version.")],
    other: Annotated[int, typer.Argument(metavar="OTHER", show_default=False, help="What would be promoted.")],
    profile: Annotated[
        str | None, typer.Option(metavar="TABLE", help="The table; without it, the one that the model scores.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Compare all rows.")] = False,
    sample: Annotated[int | None, typer.Option(min=1, metavar="ROWS", help="Compare about so many.")] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Count the rows whose scores cross this one.")
    ] = None,
    top: Annotated[
        int, typer.Option(min=0, max=1000, metavar="ROWS", help="How many of those that move most are listed.")
    ] = TOP,
    dsn: Dsn = "",
    as_json: Json = False,
) -> overview.Comparison:
    """Compares two versions on the rows of a table.

    It says how many scores move and how far, which rows move most, and how many cross a threshold. Nothing is changed.
    """
    if every and sample is not None:
        raise typer.BadParameter("--all compares all rows, and --sample some: name one of them")
    with steps(f"comparing {model} {version} and {other}") as step:
        step("scoring rows with both versions")
        found = overview.compare(
            dsn,
            model,
            version,
            other,
            profile=profile,
            sample=None if every else sample or SAMPLE,
            threshold=threshold,
            top=top,
        )
    if as_json:
        document = asdict(found)
        print_json({**document, "quantiles": {f"{share:g}": change for share, change in found.quantiles.items()}})
    else:
        _show(found)
    return found


def _show(found: overview.Comparison) -> None:
    part = f"about {found.rows:,} of {found.total:,}" if found.is_sample else f"all {found.rows:,}"
    say(f"{found.model} version {found.version} and version {found.other}, on {part} rows of {found.profile}")
    share = f" ({found.moved / found.compared:.1%})" if found.compared else ""
    say(f"{found.moved:,} of {found.compared:,} scores move{share}.")
    if found.lost or found.gained:
        say(f"{found.lost:,} rows lose their score, and {found.gained:,} gain one.")
    if found.threshold is not None:
        say(
            f"From {found.threshold:g} on: {found.above:,} rows by version {found.version}, {found.other_above:,} by"
            f" version {found.other}; {found.upward:,} come above, {found.downward:,} fall below."
        )
    if not found.moved:
        return
    say("")
    table(("share of rows", "change up to"), ((f"{share:.0%}", change) for share, change in found.quantiles.items()))
    say("")
    bars(("change from", "to", "rows"), [((each.begins, each.ends, each.rows), each.rows) for each in found.histogram])
    if found.most:
        say("", "Rows that move most:")
        table(
            ("key", f"version {found.version}", f"version {found.other}", "change"),
            ((each.key, each.score, each.other, each.change) for each in found.most),
        )


@command(
    app,
    "explain",
    "pgscore explain churn 17",
    "pgscore explain churn 17 --profile shop.customer --version 2 --top 5",
    "pgscore explain churn --row @customer.json --json",
)
def explain(
    model: Model,
    key: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]...", show_default=False, help="The primary key of a row of the table."),
    ] = None,
    values: Annotated[
        str | None, typer.Option("--row", metavar="JSON", help="Instead of a key the row: JSON, or @FILE with it.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="TABLE", help="The table; without it, the one that the model scores.")
    ] = None,
    version: Annotated[
        int | None, typer.Option(metavar="VERSION", help="A version; without it, the one that answers.")
    ] = None,
    top: Annotated[
        int | None, typer.Option(min=1, metavar="COUNT", help="Show so many inputs, and reason codes.")
    ] = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> overview.Explanation | None:
    """Shows what each input adds to the score of a row.

    The numbers are log-odds where the score is a probability of log-odds, logarithms where it is exponential, else
    parts of the score itself. Together with the base they are the score. A scorecard's reason codes stand beneath
    them. Nothing is changed.
    """
    if bool(key) == (values is not None):
        raise typer.BadParameter("name a row by its key, or give it with --row")
    given = None if values is None else given_text(values)
    try:
        found = overview.explain(dsn, model, values=given, key=key or (), profile=profile, version=version)
    except PgscoreError as error:
        # Of a scorecard that is no sum of its inputs the codes are told all the same.
        with suppress(PgscoreError):
            codes = overview.reason_codes(dsn, model, values=given, key=key or (), profile=profile, version=version)
            if as_json:
                print_json({"model": model, "codes": [asdict(each) for each in codes], "obstacle": str(error)})
            else:
                _show_codes(codes, top)
                say("", str(error))
            return None
        raise
    if found is None:
        print_json(None) if as_json else say("The row has no score.")
    elif as_json:
        print_json(asdict(found))
    else:
        _show_reasons(found, top)
        if found.codes is not None:
            say("")
            _show_codes(found.codes, top)
    return found


def _show_reasons(found: overview.Explanation, top: int | None) -> None:
    say(f"{found.model} version {found.version}", "")
    shown = found.contributions[:top]
    rest = sum(each.contribution for each in found.contributions[len(shown) :])
    lines: list[tuple[str, str | None, float]] = [(each.input, each.value, each.contribution) for each in shown]
    if len(shown) < len(found.contributions):
        lines.append((f"{len(found.contributions) - len(shown)} others", None, rest))
    table(
        ("input", "value", "contribution"),
        [*lines, ("(base)", None, found.base), ("(score, in the space of its link)", None, found.total)],
    )


def _show_codes(codes: list[overview.ReasonCode], top: int | None) -> None:
    if codes:
        table(
            ("rank", "reason code", "points"), [(each.rank, printable(each.code), each.points) for each in codes[:top]]
        )
    else:
        say("No reason code has points.")


@command(
    app,
    "maintain",
    "pgscore maintain",
    "pgscore maintain --keep 90d --keep-rows 10000000 --json",
)
def maintain(
    keep: Annotated[
        str, typer.Option(metavar="AGE", help="How old rows of the prediction log become: 36h, 90d, 52w; or forever.")
    ] = "365d",
    keep_rows: Annotated[
        int | None, typer.Option(min=0, metavar="ROWS", help="About how many of them are kept at least; else all.")
    ] = None,
    step: Annotated[str, typer.Option(metavar="AGE", help="The time that a partition of the log holds.")] = "7d",
    ahead: Annotated[int, typer.Option(min=0, max=1000, metavar="COUNT", help="How many are made ahead.")] = 4,
    keep_changes: Annotated[
        str, typer.Option(metavar="AGE", help="How old changes of scores become, read or not: 36h, 30d.")
    ] = "30d",
    no_rescore: Annotated[bool, typer.Option("--no-rescore", help="Leave outdated rows as they are.")] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Does what is to be done from time to time.

    Operators have partitions of the log made ahead and old ones dropped; owners have rows of their tables rescored that
    are outdated, stale or without a score; old jobs go. A task that fails leaves the others to be done; it exits with 1
    then.
    """
    with steps("maintaining", of_bytes=False) as progress:
        done = overview.maintain(
            dsn,
            keep=None if keep == _FOREVER else age("--keep", keep),
            keep_rows=keep_rows,
            step=age("--step", step),
            ahead=ahead,
            rescores=not no_rescore,
            keep_changes=age("--keep-changes", keep_changes),
            progress=progress,
        )
    failed = [each for each in done if each.problem is not None]
    if as_json:
        print_json({"ok": not failed, "tasks": [asdict(each) for each in done]})
    elif not done:
        say("There is nothing here that is yours to maintain: operators keep the log, owners their tables.")
    else:
        for each in done:
            by = f" by model {each.model}" if each.model else ""
            say(f"{each.relation}{by}: {each.problem or each.done}")
    if failed:
        raise typer.Exit(1)
