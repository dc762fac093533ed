"""Files of other tools in the database: published, proved by their tools' predictions, promoted, scored, explained."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, cast

import pgscore
import psycopg2
import pytest
from pgscore.publishing.documents import FORMATS, read_document
from pgscore_runtime.onnx_file import OnnxFile

from tests.support.database import Session
from tests.support.examples import ALIKE

from .fixtures import Fixture, paths, read_fixture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgscore.publishing.documents import DocumentFormat

    from tests.support.database import Database

# Numbers that count events are no floats.
_COLUMNS = {"double precision": "numeric"}
_MODEL = re.compile(r"<(?:\w+:)?(\w+)[^>]*\sfunctionName=\"(\w+)\"")


def _model_kind(kind: str, path: Path) -> tuple[str, ...]:
    """What makes a file another kind of model than others."""
    if kind == "pmml":
        found = _MODEL.search(path.read_text(encoding="utf-8", errors="replace"))
        return (kind, *(found.groups() if found else ()))
    return (kind, path.stem.partition("_")[0], "several classes" if "multinomial" in path.stem else "")


def _files() -> list[tuple[str, Path]]:
    """A file of each kind of model; in `make test-long` all."""
    found: dict[Any, tuple[str, Path]] = {}
    for kind in FORMATS:
        for path in paths(kind):
            found.setdefault(_model_kind(kind, path) if ALIKE else path, (kind, path))
    return list(found.values())


_FILES = _files()


class _Bound:
    """A file that is published for a table of its own."""

    def __init__(self, database: Database, session: Session, kind: str, fixture: Fixture) -> None:
        self.session = session
        self.name = f"{kind}_{fixture.path.stem.lower().replace('-', '_')}"[:40]
        options: dict[str, Any]
        if kind == "onnx":
            graph = OnnxFile(fixture.content)
            self.inputs = _inputs_of_graph(graph, fixture)
            classes = [name for name in fixture.expected[0] if name not in ("label", "value")]
            options = {"inputs": None if hasattr(graph, "feature_names_in_") else list(self.inputs)}
        else:
            document = _document(kind, fixture)
            self.inputs = {each.name: each.type for each in document.inputs}
            classes = [str(each) for each in document.output.classes]
            told = ["label"] if document.output.kind == "indicator" else list(fixture.expected[0])
            options = {"expect": [f"expected:{name}" for name in told]}
        columns = ", ".join(f"{_quoted(name)} {_COLUMNS.get(type_, type_)}" for name, type_ in self.inputs.items())
        self.as_owner(
            f"create table churn.{self.name} (pk integer primary key, {columns}, seen bigint, the_score float8)"
        )
        self.as_owner(f"create table churn.{self.name}_event (id serial primary key, who integer)")
        self.as_owner(f"create index on churn.{self.name}_event (who)")
        self.published = pgscore.publish(
            database.dsn(), self.name, fixture.path, golden=fixture.path.with_suffix(".csv"),
            positive=classes[-1] if len(classes) > 2 else None, profile=f"churn.{self.name}", promoted=True, **options,
        )  # fmt: skip

    def as_owner(self, statement: str, *values: Any) -> None:  # noqa: ANN401
        """Runs a statement as the tables' owner."""
        self.session.run("set role churn_owner")
        try:
            self.session.run(statement, *values)
        finally:
            self.session.run("reset role")

    def insert(self, key: int, row: dict[str, str | None]) -> None:
        """Inserts a profile."""
        values = [_typed(row[name], kind) for name, kind in self.inputs.items()]
        names = ", ".join(map(_quoted, self.inputs))
        marks = ", ".join(["%s"] * len(values))
        self.as_owner(f"insert into churn.{self.name} (pk, {names}) values ({key}, {marks})", *values)

    def attach(self, row: dict[str, str | None]) -> str | None:
        """Attaches the events, which are counted in the first number of which two of them make a row with a score."""
        counted = next((name for name in self.inputs if self._has_score(row, name)), None)
        reducers = [{"column": counted or "seen", "aggregate": "count"}]
        self.as_owner(
            "select pgscore.attach(%s, %s, %s, 'who', 'pk', %s::jsonb, 'the_score', backfill => true)",
            self.name, f"churn.{self.name}_event", f"churn.{self.name}", json.dumps(reducers),
        )  # fmt: skip
        return counted

    def _has_score(self, row: dict[str, str | None], counted: str) -> bool:
        if self.inputs[counted] != "double precision":
            return False
        payload = {name: _jsonable(_typed(row[name], kind)) for name, kind in self.inputs.items()} | {counted: 2}
        found = self.session.value("select pgscore.score(%s, %s::jsonb)", self.name, json.dumps(payload))
        return found is not None

    def score(self, key: int) -> tuple[float | None, float | None]:
        """The score that stands in a profile, and what the model gives for it now."""
        (found,) = self.session.run(
            f"select p.the_score, pgscore.score(%s, p) from churn.{self.name} p where pk = %s", self.name, key
        )
        return found[0], found[1]


def _jsonable(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _document(kind: str, fixture: Fixture) -> Any:  # noqa: ANN401
    with fixture.path.open("rb") as file:
        return read_document(file, cast("DocumentFormat", kind), fixture.path.name, None)


def _inputs_of_graph(graph: OnnxFile, fixture: Fixture) -> dict[str, str]:
    kinds = {each.name: {"string": "text", "bool": "boolean"}.get(each.kind) for each in graph.inputs}
    return {name: kinds.get(name) or "double precision" for name in fixture.rows[0]}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _typed(value: str | None, kind: str) -> Any:  # noqa: ANN401
    if value is None or kind == "text":
        return value
    if kind == "boolean":
        return value.lower() in ("true", "1", "1.0")
    return float(value)


def _row(fixture: Fixture) -> dict[str, str | None]:
    """A row that has a score."""
    return next(
        row
        for row, wanted in zip(fixture.rows, fixture.expected, strict=True)
        if all(wanted.values()) and "nan" not in wanted.values()
    )


@pytest.fixture
def own_session(shared: Database) -> Iterator[Session]:
    """A session that ends: one that had planned for each of 200 tables would look through all plans at each change."""
    session = Session(shared.dsn())
    yield session
    session.close()


@pytest.mark.parametrize(("kind", "path"), _FILES, ids=[f"{kind}-{path.stem}" for kind, path in _FILES])
def test_a_file_is_published_attached_scored_and_explained(
    shared: Database, own_session: Session, kind: str, path: Path
) -> None:
    """Its golden rows are its tool's predictions, which each engine gives before it is promoted."""
    fixture = read_fixture(path)
    bound = _Bound(shared, own_session, kind, fixture)
    assert bound.published.obstacle is None
    assert {each.engine for each in bound.published.verifications} >= {"sql", "interpreter"}
    assert all(each.ok for each in bound.published.verifications)
    row = _row(fixture)
    counted = bound.attach(row)
    bound.insert(1, row)
    bound.as_owner(f"insert into churn.{bound.name}_event (who) values (1), (1)")
    if counted is not None:
        assert bound.session.value(f"select {_quoted(counted)} from churn.{bound.name}") == 2
    stored, given = bound.score(1)
    assert stored is not None
    assert stored == given
    _check_reasons(bound)


def _check_reasons(bound: _Bound) -> None:
    """Reasons of a score that is a sum name its inputs; of any other a sentence says why there are none."""
    explain = f"select e.input from churn.{bound.name} p, pgscore.explain(%s, p) e where p.pk = 1"
    refusal = None
    try:
        named = {name for (name,) in bound.session.run(explain, bound.name)}
    except psycopg2.errors.FeatureNotSupported as refused:
        refusal = str(refused)
    if refusal is None:
        assert named >= set(bound.inputs)
    else:
        assert "cannot be explained" in refusal


def test_without_what_its_tool_gave_nothing_is_published(shared: Database) -> None:
    """A MOJO and no columns that are expected, where H2O is not installed: one sentence says what is missing."""
    path = paths("mojo")[0]
    with pytest.raises(pgscore.PgscoreError, match="nothing here evaluates MOJO") as refused:
        pgscore.publish(shared.dsn(), "unproved", path, golden=path.with_suffix(".csv"))
    assert "--expect" in refused.value.hint
    with pytest.raises(psycopg2.Error, match="unproved"):
        shared.session().value("select pgscore.score('unproved', '{}'::jsonb)")


def test_a_tool_that_is_here_is_asked(shared: Database) -> None:
    """JPMML-Evaluator itself, of the rows and of edge cases made of them."""
    path = next(path for path in paths("pmml") if path.stem == "sklearn_logistic")
    published = pgscore.publish(shared.dsn(), "asked", path, golden=path.with_suffix(".csv"))
    assert published.golden_rows > len(read_fixture(path).rows)
    assert all(each.ok for each in published.verifications)


def test_another_column_than_the_score_is_refused(shared: Database) -> None:
    """Before anything is stored; also where the same file stands there already."""
    path = next(path for path in paths("pmml") if path.stem == "sklearn_logistic")
    classes = [name for name in read_fixture(path).expected[0] if name != "label"]
    options: dict[str, Any] = {"golden": path.with_suffix(".csv"), "positive": classes[-1]}
    pgscore.publish(shared.dsn(), "mistaken", path, expect=[f"expected:{classes[-1]}"], **options)
    with pytest.raises(pgscore.PgscoreError, match="by its tool, and the model as it was read gives"):
        pgscore.publish(shared.dsn(), "mistaken", path, expect=[f"expected:{classes[0]}"], **options)
