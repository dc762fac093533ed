"""Publishing: from a fitted estimator to a version in the database, in one transaction."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2

from .database import Database, connected, row, transaction
from .errors import PgscoreError
from .keys import sign
from .progress import Step, no_step
from .registry import Verification, promote, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgscore_runtime.contract import Contract
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .artifact import Artifact
    from .describe import GoldenRow
    from .golden import Golden
    from .keys import Signature


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
        obstacle: which part of it cannot become a program, so that only the estimator engine serves it; or None.
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


def publish(
    database: Database,
    model: str,
    source: object,
    *,
    golden: Golden | None = None,
    profile: str | None = None,
    key: str | Path | None = None,
    positive: str | None = None,
    metrics: Mapping[str, float] | None = None,
    format: str | None = None,  # noqa: A002  what it is called on the command line, and by savers of models
    promoted: bool = False,
    step: Step = no_step,
) -> Published:
    """Publishes a fitted estimator as a version of a model, and replays its golden rows in the database.

    Args:
        database: a connection string, or an SQLAlchemy engine on psycopg2.
        model: the model's name.
        source: the estimator, or the path of a joblib, pickle or skops file that holds it (your own: reading it runs
            its code).
        golden: example rows, as a DataFrame or the path of a CSV file; without them, a sample of the profile table.
        profile: the table whose rows the model scores; its columns are matched to the inputs by name.
        key: path of the private key that signs the artifact; without one no database will unpickle it.
        positive: the class whose probability is the score; without it, the second of two.
        metrics: what is known of its quality, by name.
        format: what to store it as: ``joblib``, ``pickle`` or ``skops``; without it, as the file is, else joblib.
        promoted: whether to promote it at once.
        step: is told what begins now, in a few words, and how far it is, for a progress display.

    Raises:
        PgscoreError: the estimator, the golden rows, the profile table or the database refuse; nothing was stored,
            except where only the promotion was refused.
    """
    with connected(database) as connection:
        stored, golden_rows, obstacle = _publish(
            connection, model, source, golden, profile, key, positive, metrics, format, step
        )
        version = int(stored["version"])
        if promoted:
            step("promoting")
            promote(connection, model, version)
        step("replaying the golden rows in the database")
        verifications, problem = _verify(connection, model, version)
    created = bool(stored["created"])
    restored = bool(stored["wanted"]) and not created
    return Published(model, version, created, restored, golden_rows, verifications, problem, promoted, obstacle)


def _publish(
    connection: Connection,
    model: str,
    source: object,
    golden: Golden | None,
    profile: str | None,
    key: str | Path | None,
    positive: str | None,
    metrics: Mapping[str, float] | None,
    kind: str | None,
    step: Step,
) -> tuple[dict[str, Any], int, str | None]:
    """Stores a version in one transaction: what came of it, how many golden rows, what kept it from a program."""
    # Imported here: scikit-learn and pandas take seconds, which a program that only promotes or lists need not spend.
    from .artifact import open_artifact
    from .compile import compile_program, scaled
    from .describe import describe, feature_names
    from .golden import agree, golden_frame, read_profile, select_inputs

    step("reading the estimator")
    with open_artifact(source, kind) as artifact, transaction(connection):
        described_profile = read_profile(connection, profile) if profile is not None else None
        given = golden_frame(connection, golden, described_profile)
        names = feature_names(artifact.estimator, [str(column) for column in given.columns])
        if described_profile is not None:
            described_profile.check(names)
        sample = select_inputs(given, names)
        if described_profile is not None:
            agree(sample, described_profile)
        step("asking the estimator for its scores")
        contract, golden_rows = describe(artifact.estimator, sample, positive, artifact.format, artifact.types)
        program, obstacle = compile_program(artifact.estimator, contract)
        golden_rows = scaled(golden_rows, program)
        signature = sign(contract, artifact.sha256, Path(key)) if key is not None else None
        step("storing the version")
        stored = _store(connection, model, artifact, contract, golden_rows, signature, metrics, program)
        if stored["wanted"]:
            _send(connection, model, stored["version"], artifact, step)
        if described_profile is not None:
            row(connection, "select pgscore._add_profile(%s, %s::regclass)", (model, described_profile.name))
    return stored, len(golden_rows), obstacle


def _store(
    connection: Connection,
    model: str,
    artifact: Artifact,
    contract: Contract,
    golden_rows: list[GoldenRow],
    signature: Signature | None,
    metrics: Mapping[str, float] | None,
    program: Mapping[str, Any] | None,
) -> dict[str, Any]:
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
            json.dumps([asdict(each) for each in golden_rows], ensure_ascii=False),
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


def _verify(connection: Connection, model: str, version: int) -> tuple[list[Verification], str | None]:
    try:
        return verify(connection, model, version), None
    except PgscoreError as error:
        return [], f"{error}. {error.hint}".strip()


def plain(published: Published) -> dict[str, Any]:
    """The same as a dictionary, for JSON."""
    return asdict(published)
