"""Publishing: from a fitted estimator to a version in the database, in one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2

from pgscore.database import Database, connected, row, transaction
from pgscore.errors import PgscoreError
from pgscore.keys import sign
from pgscore.libraries import doubts
from pgscore.progress import Step, no_step
from pgscore.registry import promote_proved, verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import Label
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.keys import Signature
    from pgscore.records import Verification

    from .artifact import Artifact
    from .golden import Golden
    from .handover import Cast
    from .learning import Described


@dataclass(frozen=True)
class Published:
    """What came of a publication.

    Attributes:
        model: the model's name.
        version: its number: new, or that of the same artifact and contract published before.
        created: whether it is new.
        restored: whether it stood without its artifact, which had been pruned and is back now.
        golden_rows: how many golden rows were computed.
        verifications: how far each engine of the database is from the fitted estimator.
        problem: why the database cannot verify the version yet, or None.
        promoted: whether it answers now.
        obstacle: which part of it cannot become a program, so that only the estimator engine serves it, or of a graph
            the onnx engine; or None.
        score: what the score means, such as "the probability of class 'yes'", or "the prediction".
        positive: the label of the positive class; None where there are no classes.
        inputs: the inputs' names, in the estimator's order.
        named_by: who named them: the estimator, the file, ``inputs``, or the golden rows.
        casts: the columns of the profile table that are read as another type.
        tolerance: how far scores may be from the estimator's, as a part of the larger of 1, the score and the sum of
            its absolute terms, where the estimator adds in single precision; else None.
        doubts: what is to be said of libraries of which no such version was tested with programs.
        format: what the artifact is stored as.
    """

    model: str
    version: int
    created: bool
    restored: bool
    golden_rows: int
    verifications: list[Verification]
    problem: str | None
    promoted: bool
    obstacle: str | None = None
    score: str = ""
    positive: Label | None = None
    inputs: list[str] = field(default_factory=list)
    named_by: str = "the estimator"
    casts: list[Cast] = field(default_factory=list)
    tolerance: float | None = None
    doubts: list[str] = field(default_factory=list)
    format: str = "joblib"


def publish(
    database: Database,
    model: str,
    source: object,
    *,
    golden: Golden | None = None,
    profile: str | None = None,
    inputs: Sequence[str] | None = None,
    key: str | Path | None = None,
    positive: object | None = None,
    metrics: Mapping[str, float] | None = None,
    format: str | None = None,  # noqa: A002  what it is called on the command line, and by savers of models
    expect: Sequence[str] | None = None,
    output: str | None = None,
    promoted: bool = False,
    step: Step = no_step,
) -> Published:
    """Publishes a fitted estimator as a version of a model, and replays its golden rows in the database.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        source: the estimator, or the path of a joblib, pickle or skops file that holds it (your own: reading it runs
            its code), of a file that XGBoost (JSON, UBJSON), LightGBM or CatBoost (cbm) has saved, or of another tool's
            ONNX, PMML or MOJO file.
        golden: example rows: a DataFrame of pandas or polars, a list of dicts, the path of a CSV file; or a list of
            lists or an array, where the estimator or `inputs` names the columns. Without them, a sample of the profile
            table.
        profile: the table whose rows the model scores; its columns are matched to the inputs by name.
        inputs: the inputs' names in the order in which the estimator was fitted, where it knows none.
        key: path of the private key that signs the artifact; without one no database will unpickle it.
        positive: the class whose probability is the score; without it, the second of two.
        metrics: what is known of its quality, by name.
        format: what to store it as: ``joblib``, ``pickle`` or ``skops``; without it, as the file is, else joblib.
        expect: columns of the golden rows with what the tool of a PMML or MOJO file gives: the value's, or
            the positive class's probability; or the probabilities of all classes, and before them the label's.
        output: the output that is the score, of an ONNX or PMML file that has several.
        promoted: whether to promote it at once.
        step: is told what begins now, in a few words, and how far it is, for a progress display.

    Raises:
        PgscoreError: the estimator, the golden rows, the profile table or the database refuse; nothing was stored,
            except where only the promotion was refused.
    """
    published, _ = publish_version(
        database,
        model,
        source,
        golden=golden,
        profile=profile,
        inputs=inputs,
        key=key,
        positive=positive,
        metrics=metrics,
        format=format,
        expect=expect,
        output=output,
        promoted=promoted,
        must_promote=True,
        step=step,
    )
    return published


def publish_version(
    database: Database,
    model: str,
    source: object,
    *,
    golden: Golden | None = None,
    profile: str | None = None,
    inputs: Sequence[str] | None = None,
    key: str | Path | None = None,
    positive: object | None = None,
    metrics: Mapping[str, float] | None = None,
    format: str | None = None,  # noqa: A002  as `publish` calls it
    expect: Sequence[str] | None = None,
    output: str | None = None,
    promoted: bool = False,
    must_promote: bool = False,
    step: Step = no_step,
) -> tuple[Published, PgscoreError | None]:
    """Like `publish`; unless it must promote, a refusal comes beside what was stored, which it does not hide.

    One connection serves for all of it: a new backend would import scikit-learn and load the artifact again.
    """
    with connected(database) as connection:
        # Imported here: scikit-learn and pandas take seconds, which a program that only promotes or lists need not
        # spend.
        from .artifact import open_artifact
        from .learning import Asked, learn
        from .oracle import meaning

        step("reading the estimator")
        with open_artifact(source, format, output) as artifact, transaction(connection):
            asked = Asked(golden, profile, inputs, positive, expect)
            described = learn(connection, artifact, asked, step)
            contract, table = described.contract, described.profile
            signature = sign(contract, artifact.sha256, Path(key)) if key is not None else None
            step("storing the version")
            stored = _store(connection, model, artifact, described, signature, metrics)
            version = int(stored["version"])
            if stored["wanted"]:
                _send(connection, model, version, artifact, step)
            if table is not None:
                row(connection, "select pgscore._add_profile(%s, %s::regclass)", (model, table.name))
        step("replaying the golden rows in the database")
        verifications, problem, refusal = _prove(connection, model, version, promoted=promoted, must=must_promote)
    score = contract.output
    published = Published(
        model=model,
        version=version,
        created=bool(stored["created"]),
        restored=bool(stored["wanted"]) and not stored["created"],
        golden_rows=len(described.golden_rows),
        verifications=verifications,
        problem=problem,
        promoted=promoted and refusal is None,
        obstacle=described.obstacle,
        score=meaning(score),
        positive=None if score.positive is None else score.classes[score.positive],
        inputs=[each.name for each in contract.inputs],
        named_by=described.named_by,
        casts=described.casts,
        tolerance=contract.tolerance,
        doubts=doubts(contract.libraries) if described.program is not None else [],
        format=contract.format,
    )
    return published, refusal


def _store(
    connection: Connection,
    model: str,
    artifact: Artifact,
    described: Described,
    signature: Signature | None,
    metrics: Mapping[str, float] | None,
) -> dict[str, Any]:
    contract, program = described.contract, described.program
    return row(
        connection,
        "select version, created, wanted from pgscore._publish(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            model,
            contract.digest(artifact.sha256),
            artifact.sha256,
            artifact.size,
            artifact.format,
            contract.to_json(),
            psycopg2.Binary(signature.value) if signature else None,
            signature.key_id if signature else None,
            json.dumps(dict(metrics or {}), ensure_ascii=False),
            json.dumps([each.to_json() for each in described.golden_rows], allow_nan=False, ensure_ascii=False),
            json.dumps(program, ensure_ascii=False) if program is not None else None,
        ),
    )


def _send(connection: Connection, model: str, version: int, artifact: Artifact, step: Step) -> None:
    """Sends the artifact piece by piece: neither side ever holds it twice."""
    sent = 0
    with connection.cursor() as cursor:
        for piece in artifact.pieces():
            step("sending the artifact", sent, artifact.size)
            cursor.execute("select pgscore._store_chunk(%s, %s, %s)", (model, version, psycopg2.Binary(piece)))
            sent += len(piece)


def _prove(
    connection: Connection, model: str, version: int, *, promoted: bool, must: bool
) -> tuple[list[Verification], str | None, PgscoreError | None]:
    """How far each engine is from the estimator; why that cannot be said; and why the version is not promoted."""
    refusal = None
    if promoted:
        try:
            # Which replays them itself.
            return promote_proved(connection, model, version), None, None
        except PgscoreError as error:
            if must:
                raise
            refusal = error
    try:
        return verify(connection, model, version), None, refusal
    except PgscoreError as error:
        return [], f"{error}. {error.hint}".strip(), refusal
