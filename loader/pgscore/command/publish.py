"""`pgscore publish`."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgscore.publishing.publish import publish_version

from .app import Dsn, Json, Model, app, command
from .output import print_json, say, steps, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.errors import PgscoreError
    from pgscore.publishing.publish import Published
    from pgscore.records import Verification


@command(
    app,
    "publish",
    "pgscore publish churn model.joblib --profile churn.customer_profile --key me.pem",
    "pgscore publish churn model.joblib --golden rows.csv --key me.pem --promote",
    "pgscore publish churn model.joblib --golden rows.csv --metric auc=0.91 --json",
    "pgscore publish churn model.joblib --golden rows.csv --key me.pem --format skops",
    "pgscore publish churn model.ubj --golden rows.csv",
    "pgscore publish churn model.onnx --golden rows.csv --inputs calls,minutes",
    "pgscore publish churn model.pmml --golden scored.csv --expect 'probability(yes)' --promote",
    "pgscore publish churn mojo.zip --golden scored.csv --expect predict,p0,p1 --profile churn.customer_profile",
    "pgscore publish churn unnamed.joblib --profile churn.customer_profile --inputs calls,minutes,plan",
)
def publish(
    model: Model,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="A joblib, pickle or skops file of yours, whose code reading it runs; or, as data, a booster's own,"
            " ONNX, PMML or an H2O MOJO.",
        ),
    ],
    profile: Annotated[
        str | None,
        typer.Option(metavar="TABLE", help="The table whose rows it scores; columns match inputs by name."),
    ] = None,
    golden: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Example rows to prove it with; without them, a sample of the table."),
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME", help="The inputs in the order in which it was fitted, if it knows no names."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="The private key to sign with; unsigned, no database unpickles it."),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="The class whose probability is the score; else the second of two."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What is known of its quality; may be given again."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help="Store it as joblib, pickle or skops; without it, as the file is."
        ),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,COLUMN",
            help="Columns of --golden with what the tool gave, for PMML and MOJO: a value's, or the positive class's"
            " probability; or the probabilities of all classes, and before them the label.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The output that is the score, where an ONNX or PMML file has several."),
    ] = None,
    promoted: Annotated[bool, typer.Option("--promote", help="Have it answer at once.")] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Stores a fitted estimator as a version of a model.

    Its golden rows are then replayed in the database. The same file published again answers with the version that
    stands. Exits with 1 where the database's scores are not the estimator's.
    """
    with steps("publishing") as step:
        published, refusal = publish_version(
            dsn,
            model,
            file,
            golden=golden,
            profile=profile,
            inputs=_names(inputs),
            key=key,
            positive=positive,
            metrics=_metrics(metric or []),
            format=kind,
            expect=_names(expect),
            output=output,
            promoted=promoted,
            step=step,
        )
    if as_json:
        print_json(asdict(published))
    else:
        _report(published, refusal)
    if refusal is not None:
        message = f"{model} version {published.version} is published, and not promoted: {refusal}"
        raise type(refusal)(message, refusal.hint, refusal.sqlstate)
    if not all(each.ok for each in published.verifications):
        raise typer.Exit(1)


def show_verifications(verifications: Sequence[Verification]) -> None:
    """Prints how far each engine is from the fitted estimator."""
    table(
        ("engine", "golden rows", "largest difference", "result"),
        ((e.engine, e.rows, e.max_abs_diff, "ok" if e.ok else "problem") for e in verifications),
    )


def _report(published: Published, refusal: PgscoreError | None) -> None:
    name = f"{published.model} version {published.version}"
    if published.created:
        say(f"{name} is new, with {published.golden_rows} golden rows.")
    elif published.restored:
        say(f"{name} is the version that stands: its artifact, which was pruned, is back.")
    else:
        say(f"{name} is the version that stands: the same artifact was published before.")
    _describe(published)
    if published.verifications:
        show_verifications(published.verifications)
    if published.promoted:
        say(f"It answers now. next: pgscore show {published.model}")
    elif refusal is not None:
        return
    elif published.problem is not None:
        say(
            f"The database cannot load it yet: {published.problem}",
            f"next: when that is done, pgscore verify {published.model} {published.version}",
        )
    elif all(each.ok for each in published.verifications):
        say(f"next: pgscore promote {published.model} {published.version}")
    else:
        say("The database does not give what the fitted estimator gave: it cannot be promoted.", "next: pgscore doctor")


def _describe(published: Published) -> None:
    say(f"The score is {published.score}.")
    if published.named_by not in ("the estimator", "the file"):
        who = "--inputs" if published.named_by == "inputs" else published.named_by
        what = "graph" if published.format == "onnx" else "estimator"
        say(f"The {what} knows no names; {who} named its inputs, in this order: {', '.join(published.inputs)}.")
    if published.casts:
        read = "; ".join(f"{each.input} ({each.column}) as {each.read_as}" for each in published.casts)
        say(f"Read with a cast: {read}.")
    if published.tolerance is not None:
        say(f"It adds in single precision, so scores may be {published.tolerance:.1g} of the sum of its terms apart.")
    for doubt in published.doubts:
        say(f"{doubt}: nothing but its golden rows is compared.")
    if published.obstacle is not None:
        engine = "onnx" if published.format == "onnx" else "estimator"
        say(f"Only the {engine} engine serves it: {published.obstacle}.")


def _names(listed: str | None) -> list[str] | None:
    return None if listed is None else [name.strip() for name in listed.split(",")]


def _metrics(given: Sequence[str]) -> dict[str, float]:
    metrics = {}
    for each in given:
        name, _, value = each.partition("=")
        try:
            metrics[name] = float(value)
        except ValueError:
            metrics[name] = math.nan
        if not name or not math.isfinite(metrics[name]):
            raise typer.BadParameter(f"--metric {each!r} is not NAME=VALUE with a number, such as auc=0.91")
    return metrics
