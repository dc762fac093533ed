"""A model in a database, without its registry: what each engine says of rows, in one statement each."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import psycopg2
from pgscore.keys import sign
from pgscore.vector.fetching import FetchedVersion
from pgscore.vector.scorer import Scorer

from .expected import frame_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pgscore.publishing.describe import GoldenRow
    from pgscore_runtime.contract import Contract

    from tests.support.database import Session

    from .rows import Row

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

_NAME = "drawn"
_TYPES = {"double precision": "double precision", "boolean": "double precision", "text": "text"}


@dataclass
class Answer:
    """What an engine says of rows, in one form of asking.

    Attributes:
        engine: sql, interpreter, estimator, or vector.
        form: what it was asked for.
        scores: NULL as None.
        outputs: all outputs with the label's position last, where it was asked for them.
        places: the rows that it was asked about; None: all.
    """

    engine: str
    form: str
    scores: list[float | None]
    outputs: list[list[float] | None] | None = None
    places: list[int] | None = None


@dataclass
class Version:
    """A model, ready to be stored."""

    estimator: Any
    contract: Contract
    golden: list[GoldenRow]
    program: dict[str, Any] | None


def answers(
    session: Session, key: Path, version: Version, rows: Sequence[Row], estimated: Sequence[int] | None
) -> list[Answer]:
    """What all engines say of rows; the database is then as it was.

    Args:
        session: of a superuser.
        key: signs the artifact.
        version: the model.
        rows: values in the order of the inputs.
        estimated: the rows that the estimator is asked about; None where the server has not the libraries of it.
    """
    found = [] if version.program is None else [_vector(version, rows)]
    session.run("begin")
    try:
        _store(session, key, version, estimates=estimated is not None)
        _fill(session, version.contract, rows)
        if version.program is not None:
            found += _of_program(session, version.contract, _NAME)
        if estimated is not None:
            found.append(_estimated(session, version, [rows[n] for n in estimated], list(estimated)))
    finally:
        session.run("rollback")
    return found


def _store(session: Session, key: Path, version: Version, *, estimates: bool) -> None:
    data = _content(version) if estimates else b"nothing"
    digest = hashlib.sha256(data).hexdigest()
    contract = version.contract
    signature = sign(contract, digest, key)
    session.run(
        "select pgscore._publish(%s, %s, %s, %s, %s, %s, %s, %s, '{}', %s, %s)",
        _NAME, contract.digest(digest), digest, len(data), contract.format, contract.to_json(),
        psycopg2.Binary(signature.value), signature.key_id,
        json.dumps([each.to_json() for each in version.golden], ensure_ascii=False),
        None if version.program is None else json.dumps(version.program, ensure_ascii=False),
    )  # fmt: skip
    if estimates:
        session.run("select pgscore._store_chunk(%s, 1, %s)", _NAME, psycopg2.Binary(data))


def _content(version: Version) -> bytes:
    if version.contract.format == "lightgbm":
        return bytes(version.estimator.booster_.model_to_string().encode())
    content = io.BytesIO()
    joblib.dump(version.estimator, content)
    return content.getvalue()


def _fill(session: Session, contract: Contract, rows: Sequence[Row]) -> None:
    columns = ", ".join(f"c{n} {_TYPES[each.type]}" for n, each in enumerate(contract.inputs))
    session.run(f"create temporary table drawn_rows (n integer, {columns}) on commit drop")
    marks = ", ".join(["%s"] * (len(contract.inputs) + 1))
    session.run(
        f"insert into drawn_rows values {', '.join([f'({marks})'] * len(rows))}",
        *(value for number, row in enumerate(rows) for value in (number, *map(_written, row))),
    )


def _written(value: Any) -> Any:  # noqa: ANN401
    """A number as text: without quotes, SQL reads it as a numeric, which has no -0."""
    return repr(float(value)) if isinstance(value, float) else value


def asked_of_program(session: Session, contract: Contract, rows: Sequence[Row], model: str) -> list[Answer]:
    """What the engines of a program that is published say of rows; in a transaction."""
    _fill(session, contract, rows)
    return _of_program(session, contract, model)


def _of_program(session: Session, contract: Contract, model: str) -> list[Answer]:
    inputs = contract.inputs
    names = [f"c{n}" for n in range(len(inputs))]
    forms: list[tuple[str, str, str]] = []
    for engine in session.value("select pgscore._engines(%s, 1)", model):
        if engine != "estimator":
            call = "select pgscore._engine_call(%s, %s, 1, %s, %s)"
            forms.append((engine, "score", session.value(call, engine, model, names, False)))
            forms.append((engine, "outputs", session.value(call, engine, model, names, True)))
    if any(engine == "sql" for engine, _, _ in forms):
        ordinary = [False] * len(names)
        for manner in ("scan", "brief"):
            call = "select pgscore._engine_call('sql', %s, 1, %s, false, %s, %s)"
            forms.append(("sql", manner, session.value(call, model, names, ordinary, manner)))
    calls = ", ".join(call for _, _, call in forms)
    given = session.run(f"select {calls} from drawn_rows order by n")
    found = []
    for place, (engine, form, _) in enumerate(forms):
        values = [row[place] for row in given]
        if form == "outputs":
            found.append(Answer(engine, form, [_score(contract, each) for each in values], values))
        else:
            found.append(Answer(engine, form, values))
    return found


def _estimated(session: Session, version: Version, rows: Sequence[Row], places: list[int]) -> Answer:
    """All rows in one call: one by one scikit-learn takes milliseconds."""
    inputs = version.contract.inputs
    numbers = [
        "NaN" if row[n] is None else _written(row[n])
        for row in rows
        for n, each in enumerate(inputs)
        if not each.is_text
    ]
    texts = [row[n] for row in rows for n, each in enumerate(inputs) if each.is_text]
    digest = session.value("select digest from pgscore.model_version where model = %s", _NAME)
    flat = session.value(
        "select (pgscore._estimate(%s, 1, %s, %s, %s::float8[], %s::text[], true)).scores",
        _NAME, digest, len(rows), numbers or None, texts or None,
    )  # fmt: skip
    width = version.contract.output.width
    outputs = [flat[start : start + width] for start in range(0, len(flat), width)]
    scores = [_score(version.contract, each) for each in outputs]
    return Answer("estimator", "outputs", scores, [None if each[0] is None else each for each in outputs], places)


def _vector(version: Version, rows: Sequence[Row]) -> Answer:
    contract = version.contract
    scorer = Scorer(FetchedVersion(_NAME, 1, contract.to_json(), json.dumps(version.program)))
    given = scorer.predict(frame_of(contract, rows, None))
    output = contract.output
    if output.kind == "value":
        outputs = [[value] for value in given["value"]]
    else:
        labels = [None if label is None else output.classes.index(label) for label in given["label"]]
        likely = [given[label].tolist() for label in output.classes] if output.kind == "probability" else []
        outputs = [
            [np.nan] if label is None else [*(each[n] for each in likely), float(label)]
            for n, label in enumerate(labels)
        ]
    known = [None if np.isnan(each).any() else each for each in outputs]
    return Answer("vector", "outputs", [_score(contract, each) for each in known], known)


def _score(contract: Contract, outputs: Sequence[float] | None) -> float | None:
    """The score among all outputs; a number that is none is NULL."""
    if outputs is None or outputs[0] is None:
        return None
    positive = contract.output.positive
    if contract.output.kind == "indicator":
        return float(outputs[0] == positive)
    score = float(outputs[positive or 0])
    return None if np.isnan(score) else score
