"""`pgscore promote`, `rollback`, `retire`, `prune`, `confirm` and `forget`: which versions answer, and for what."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pgscore import batch, registry
from pgscore.errors import BusyError, NotFoundError, PgscoreError
from pgscore.overview.outdated import sentences
from pgscore.shards import prepared_releases, promote_everywhere, rollback_everywhere
from pgscore.shards import settle as settle_everywhere
from pgscore.shards.prepared import settle_hint

from .ages import age
from .app import Dsn, Dsns, Json, Model, app, command, one_dsn
from .batch import say_rescored
from .output import print_json, say, steps, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgscore.batch import OwnersTable, Rescored
    from pgscore.records import Dependent, ModelDetails, Promoted
    from pgscore.shards import ReleasedIn, Settled

_Seconds = Annotated[
    float,
    typer.Option("--max-seconds", min=0.1, metavar="SECONDS", help="How long replaying the golden rows may take."),
]
_Despite = Annotated[
    bool,
    typer.Option("--despite-dependents", help="Also if indexes, views and the like hold scores, and go wrong."),
]


@command(
    app,
    "promote",
    "pgscore promote churn 3",
    "pgscore promote churn 3 --engine sql --json",
    "pgscore promote churn 3 --rescore",
    "pgscore promote churn 3 --dsn postgresql://one/shop --dsn postgresql://two/shop",
)
def promote(
    model: Model,
    version: Annotated[
        int, typer.Argument(metavar="VERSION", show_default=False, help="The version that is to answer.")
    ],
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="ENGINE", help="sql, interpreter, estimator or onnx; without it, the fastest by measuring."
        ),
    ] = None,
    max_seconds: _Seconds = registry.MAX_SECONDS,
    despite_dependents: _Despite = False,
    rescore: Annotated[
        bool,
        typer.Option("--rescore", help="Then bring the scores of your attached tables up to it, as `rescore` does."),
    ] = False,
    dsn: Dsns = None,
    as_json: Json = False,
) -> None:
    """Makes a version the one that answers.

    Its golden rows are replayed first, in each of its engines: a version that the database computes otherwise, or that
    takes longer, is refused. Then the engines are measured, and the fastest for one row and for many are taken.
    Refused, too, while indexes, materialized views and the like hold scores of the version before.

    With several databases it is promoted in all of them or in none: prepared in each, then committed in each. Their
    servers need max_prepared_transactions above 0. What a client left there that died in between is settled first.
    """
    if dsn and len(dsn) > 1:
        if rescore:
            raise PgscoreError(
                "--rescore goes with one database", f"Promote in all of them, then run pgscore rescore {model} in each."
            )
        settled: list[Settled] = []
        with steps(f"promoting {model} {version}") as step, _told(settled, as_json=as_json):
            step(f"in {len(dsn)} databases")
            released = promote_everywhere(
                dsn, model, version,
                engine=engine, max_seconds=max_seconds, despite_dependents=despite_dependents, settled=settled.append,
            )  # fmt: skip
        _say_released(f"{model} version {version} answers now", released, settled, as_json=as_json)
        return
    with steps(f"promoting {model} {version}") as step:
        step("replaying the golden rows in the database")
        _refuse_left(one_dsn(dsn))
        done = registry.promote(
            one_dsn(dsn), model, version, engine=engine, max_seconds=max_seconds, despite_dependents=despite_dependents
        )
        wrong = registry.dependents(one_dsn(dsn), model) if despite_dependents else []
    rescored, others = _rescored(one_dsn(dsn), model) if rescore else ([], [])
    if as_json:
        told = {"rescored": [asdict(e) for e in rescored], "others": [asdict(e) for e in others]} if rescore else {}
        print_json({**asdict(done), "dependents": [asdict(each) for each in wrong], **told})
    else:
        # What others have to rescore is said once, with their names.
        _say_promoted(done, wrong, told=[*(each.profile for each in rescored), *(each.profile for each in others)])
        say_rescored(rescored, others, model)
    if any(each.left for each in rescored):
        raise typer.Exit(1)


def _rescored(dsn: str, model: str) -> tuple[list[Rescored], list[OwnersTable]]:
    with steps(f"rescoring for {model}", of_bytes=False) as step:
        return batch.rescore_model(dsn, model, progress=step)


def _say_promoted(done: Promoted, wrong: Sequence[Dependent], told: Sequence[str]) -> None:
    model, version = done.model, done.version
    if done.before == version:
        say(f"{model} version {version} answers, as it did; its golden rows hold.")
    else:
        say(f"{model} version {version} answers now; before, {_before(done.before)}.")
    _say_rest(done, wrong, told)


def engines_of(model: Promoted | ModelDetails) -> str:
    """The engines that answer for a model, in a sentence."""
    how = "as an operator named it" if model.engine else "as measured at the promotion"
    if model.one_engine == model.many_engine:
        return f"The {model.one_engine} engine scores, {how}."
    return f"The {model.one_engine} engine scores one row, the {model.many_engine} engine many, {how}."


@command(
    app,
    "rollback",
    "pgscore rollback churn",
    "pgscore rollback churn --json",
    "pgscore rollback churn --dsn postgresql://one/shop --dsn postgresql://two/shop",
)
def rollback(
    model: Model,
    max_seconds: _Seconds = registry.MAX_SECONDS,
    despite_dependents: _Despite = False,
    dsn: Dsns = None,
    as_json: Json = False,
) -> None:
    """Takes the latest promotion back.

    The version that answered before does it again, after its golden rows were replayed; where it was retired
    meanwhile, it no longer is. Once more goes one further back. With several databases in all of them or in none, and
    only if that version is the same in each.
    """
    if dsn and len(dsn) > 1:
        settled: list[Settled] = []
        with steps(f"rolling {model} back") as step, _told(settled, as_json=as_json):
            step(f"in {len(dsn)} databases")
            released = rollback_everywhere(
                dsn, model, max_seconds=max_seconds, despite_dependents=despite_dependents, settled=settled.append
            )
        said = f"{model} version {released[0].promoted.version} answers again"
        _say_released(said, released, settled, as_json=as_json)
        return
    with steps(f"rolling {model} back") as step:
        step("replaying the golden rows in the database")
        _refuse_left(one_dsn(dsn))
        done = registry.rollback(one_dsn(dsn), model, max_seconds=max_seconds, despite_dependents=despite_dependents)
        wrong = registry.dependents(one_dsn(dsn), model) if despite_dependents else []
    if as_json:
        print_json({**asdict(done), "dependents": [asdict(each) for each in wrong]})
        return
    say(f"{model} version {done.version} answers again; before, {_before(done.before)}.")
    _say_rest(done, wrong)


@command(
    app,
    "settle",
    "pgscore settle --dsn postgresql://one/shop --dsn postgresql://two/shop",
    "pgscore settle --dsn postgresql://one/shop --dsn postgresql://two/shop --json",
)
def settle(dsn: Dsns = None, as_json: Json = False) -> None:
    """Ends what a release in several databases has left behind.

    A client that dies between preparing and committing leaves prepared transactions. What the first of its databases
    has committed is committed in the others, and anything else is rolled back. Name all databases of the release.
    """
    settled = settle_everywhere(dsn or [one_dsn(dsn)])
    if as_json:
        print_json({"settled": [asdict(each) for each in settled]})
    elif not settled:
        say("Nothing was left prepared.")
    else:
        _say_settled(settled)


@command(app, "retire", "pgscore retire churn 2", "pgscore retire churn 2 --undo --json")
def retire(
    model: Model,
    version: Annotated[int, typer.Argument(metavar="VERSION", show_default=False, help="The version.")],
    undo: Annotated[bool, typer.Option("--undo", help="Take the mark back.")] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Marks a version as not to be promoted any more.

    Its artifact stays until it is pruned. The version that serves cannot be retired.
    """
    registry.retire(dsn, model, version, undo=undo)
    if as_json:
        print_json({"model": model, "version": version, "retired": not undo})
    elif undo:
        say(f"{model} version {version} is retired no longer. next: pgscore promote {model} {version}")
    else:
        say(f"{model} version {version} is retired. next: pgscore prune {model} --dry-run")


@command(
    app,
    "prune",
    "pgscore prune churn --older-than 90d --keep 3",
    "pgscore prune churn --dry-run --json",
)
def prune(
    model: Model,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Only what was retired at least that long ago: 36h, 30d, 8w.")
    ] = "0s",
    keep: Annotated[int, typer.Option(min=0, metavar="COUNT", help="Keep those that were retired last.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, say what would be removed.")] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Removes the artifacts of retired versions.

    Never that of the version that serves or that rollback would return to. Contract, golden rows and history stay;
    publishing the same file again brings the artifact back.
    """
    removed = registry.prune(dsn, model, older_than=age("--older-than", older_than), keep=keep, dry_run=dry_run)
    if as_json:
        print_json({"model": model, "dry_run": dry_run, "versions": [asdict(each) for each in removed]})
    elif not removed:
        say("Nothing to prune: no retired version is old enough, or none may go.")
    else:
        table(("version", "bytes"), ((each.version, each.bytes) for each in removed))
        total = sum(each.bytes for each in removed)
        say(f"{total:,} bytes {'would be' if dry_run else 'are'} removed; VACUUM makes the room usable again.")


@command(
    app,
    "confirm",
    "pgscore confirm churn 3",
    "pgscore confirm churn 3 --type my_package.Encoder --json",
)
def confirm(
    model: Model,
    version: Annotated[int, typer.Argument(metavar="VERSION", show_default=False, help="The version.")],
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="NAME", help="Only this type; may be given again. Without it, all of them."),
    ] = None,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Confirms the types that a skops artifact asks for.

    They are those that skops does not trust by itself: an artifact makes none that is not confirmed. Look at them
    first, with `pgscore show MODEL --json`.
    """
    found = next((v for v in registry.show_model(dsn, model).versions if v.version == version), None)
    if found is None:
        raise NotFoundError(f"model {model!r} has no version {version}", f"`pgscore show {model}` lists its versions.")
    left = registry.confirm(dsn, model, version, types)
    confirmed = [name for name in found.contract["types"] if name not in left]
    if as_json:
        print_json({"model": model, "version": version, "confirmed": confirmed, "missing": left})
        return
    if not found.contract["types"]:
        say(f"{model} version {version} asks for no type that skops does not trust by itself.")
    for name in confirmed:
        say(f"confirmed: {name}")
    for name in left:
        say(f"not confirmed: {name}")
    if not left:
        say(f"next: pgscore promote {model} {version}")


@command(app, "forget", "pgscore forget churn shop.customer", "pgscore forget churn shop.customer --json")
def forget(
    model: Model,
    table: Annotated[
        str, typer.Argument(metavar="TABLE", show_default=False, help="The table, or one that was dropped.")
    ],
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Has a model forget a profile table.

    The functions for its rows go; they are scored like those of any other table then. Whoever may read the table can
    do this, and operators. A table that is attached is detached first.
    """
    name = registry.forget_profile(dsn, model, table)
    if as_json:
        print_json({"model": model, "table": name})
    else:
        say(f"{model} has forgotten {name}.")


def _refuse_left(dsn: str) -> None:
    """Says what stands in the way of a release, where it is one of several databases that nobody ends any more."""
    left = next((each for each in prepared_releases(dsn) if each.is_left), None)
    if left is not None:
        raise BusyError(
            f"{left.what} is prepared in {left.many} databases, this one among them, since"
            f" {left.prepared:%Y-%m-%d %H:%M}, and not over: no other release gets through",
            settle_hint(left.many),
        )


@contextmanager
def _told(settled: Sequence[Settled], *, as_json: bool) -> Iterator[None]:
    """Says what was settled also where what follows is refused; in a document it stands beside the rest."""
    try:
        yield
    finally:
        if not as_json:
            _say_settled(settled)


def _say_settled(settled: Sequence[Settled]) -> None:
    for each in settled:
        said = "committed, as in the first of its databases" if each.committed else "rolled back: no database had it"
        say(f"{each.what}, left prepared in {each.database}, is {said}.")


def _say_released(said: str, released: Sequence[ReleasedIn], settled: Sequence[Settled], *, as_json: bool) -> None:
    if as_json:
        databases = [{"database": each.database, **asdict(each.promoted)} for each in released]
        print_json({"databases": databases, "settled": [asdict(each) for each in settled]})
        return
    say(f"{said}, in {len(released)} databases:")
    heads = ("database", "version", "before", "one row", "many rows")
    found = [(each.database, each.promoted) for each in released]
    table(heads, ((name, p.version, p.before, p.one_engine, p.many_engine) for name, p in found))
    late = [(name, each.table, each.cause, each.remedy) for name, p in found for each in p.late]
    if late:
        say("", "Scored slowly until their remedy is run:")
        table(("database", "table", "cause", "remedy"), late)


def _before(version: int | None) -> str:
    return "none did" if version is None else f"version {version} did"


def _say_rest(done: Promoted, wrong: Sequence[Dependent], told: Sequence[str] = ()) -> None:
    """The engines, and what the promotion leaves to be done, as tables."""
    say(engines_of(done))
    say(*sentences([each for each in done.outdated if each.profile not in told]))
    if done.late:
        say("", "Scored slowly until their remedy is run:")
        table(("table", "cause", "remedy"), ((each.table, each.cause, each.remedy) for each in done.late))
    if wrong:
        say("", "Wrong now; what is dropped is to be made anew:")
        table(
            ("kind", "object", "of table", "remedy"),
            ((each.kind, each.object, each.on_table, each.remedy) for each in wrong),
        )
