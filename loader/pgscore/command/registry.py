"""`pgscore list`, `show` and `verify`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pgscore import registry
from pgscore.overview.outdated import sentences

from .app import Dsn, Json, Model, app, command
from .output import print_json, say, steps, table
from .publish import show_verifications
from .release import engines_of

if TYPE_CHECKING:
    from pgscore.records import ModelDetails, ModelVersion


@command(app, "list", "pgscore list", "pgscore list --json --dsn postgresql://me@db/shop")
def list_models(dsn: Dsn = "", as_json: Json = False) -> None:
    """Lists the models and the versions that answer."""
    found = registry.list_models(dsn)
    if as_json:
        print_json([asdict(each) for each in found])
    elif not found:
        say("No model is published yet.", "next: pgscore publish MODEL FILE")
    else:
        heads = ("model", "serving", "latest", "versions", "latest published", "by")
        table(heads, (asdict(each).values() for each in found))


@command(app, "show", "pgscore show churn", "pgscore show churn --json")
def show(model: Model, dsn: Dsn = "", as_json: Json = False) -> None:
    """Shows a model's versions, inputs and tables."""
    found = registry.show_model(dsn, model)
    if as_json:
        print_json(asdict(found))
        return
    say(
        f"model     {found.model}",
        f"serving   {found.serving if found.serving is not None else 'no version yet'}",
        f"profiles  {', '.join(found.profiles) or 'none'}",
    )
    if found.dropped:
        say(f"dropped   {', '.join(found.dropped)}; `pgscore forget` clears that away")
    for sentence in sentences(found.outdated):
        say(f"rows      {sentence}")
    if not found.versions:
        return
    say("")
    table(
        ("version", "state", "published", "by", "format", "bytes", "key", "metrics"),
        (
            (
                v.version,
                _state(v, found.serving),
                v.published_at,
                v.published_by,
                v.format,
                v.size,
                v.key_id or "unsigned",
                _metrics(v),
            )
            for v in found.versions
        ),
    )
    shown = next((v for v in found.versions if v.version == found.serving), found.versions[0])
    _show_version(found, shown)


@command(app, "verify", "pgscore verify churn", "pgscore verify churn 3 --json")
def verify(
    model: Model,
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", show_default=False, help="The version; else the latest.")
    ] = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Replays the golden rows of a version in the database.

    It does so in each engine that the version has. Exits with 1 where the database does not give what the fitted
    estimator gave.
    """
    with steps(f"verifying {model}") as step:
        if version is None:
            version = next((v.version for v in registry.show_model(dsn, model).versions), None)
        step("replaying the golden rows in the database")
        found = registry.verify(dsn, model, version)
    same = all(each.ok for each in found)
    if as_json:
        print_json({"model": model, "version": version, "ok": same, "engines": [asdict(each) for each in found]})
    else:
        say(f"{model} version {version}")
        show_verifications(found)
    if not same:
        raise typer.Exit(1)


def _show_version(found: ModelDetails, shown: ModelVersion) -> None:
    contract = shown.contract
    say("", f"version {shown.version}: {_output(contract['output'])}")
    if shown.version == found.serving:
        say(engines_of(found))
    if shown.engines:
        table(
            ("engine", "one row, µs", "a row of many, µs"),
            ((name, times.one_us, times.many_us) for name, times in shown.engines.items()),
        )
    size = shown.program_size
    say("it has no program: only the estimator engine" if size is None else f"its program has size {size:,}")
    codes = contract.get("reason_codes")
    if codes is not None:
        of = len(codes["characteristics"])
        say(f"it has reason codes, by {codes['algorithm']} of {of:,} characteristics: `pgscore explain` ranks them")
    unconfirmed = [name for name in contract["types"] if name not in shown.confirmed_types]
    if unconfirmed:
        say(f"waits for an operator to confirm the types {', '.join(unconfirmed)}")
    say(f"fitted with {', '.join(f'{name} {number}' for name, number in contract['libraries'].items())}", "")
    table(
        ("input", "type", "NULL"),
        ((i["name"], i["type"], "accepted" if i["nullable"] else "gives NULL") for i in contract["inputs"]),
    )


def _state(version: ModelVersion, serving: int | None) -> str:
    if version.version == serving:
        return "serves"
    return "pruned" if version.pruned_at else "retired" if version.retired_at else ""


def _metrics(version: ModelVersion) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in version.metrics.items())


def _output(output: dict[str, Any]) -> str:
    if output["kind"] == "value":
        return "the score is what the estimator predicts"
    positive, classes = output["classes"][output["positive"]], ", ".join(str(each) for each in output["classes"])
    kind = "the probability of" if output["kind"] == "probability" else "1 for"
    return f"the score is {kind} class {positive} (of {classes})"
