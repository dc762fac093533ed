"""Files of other tools in the database: published, proved by their tools' predictions, promoted, scored, explained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pgscore
import psycopg2
import pytest
from pgscore.publishing.documents import FORMATS, read_document
from pgscore_runtime.onnx_file import OnnxFile

from .fixtures import Fixture, paths, read_fixture

if TYPE_CHECKING:
    from pathlib import Path

    from pgscore.publishing.documents import DocumentFormat

    from tests.support.database import Database, Session

_FILES = [(kind, path) for kind in FORMATS for path in paths(kind)]


class _Bound:
    """A file that is published for a table of its own, whose first number counts events."""

    def __init__(self, database: Database, session: Session, kind: str, fixture: Fixture) -> None:
        self.session = session
        self.name = f"{kind}_{fixture.path.stem.lower().replace('-', '_')}"[:40]
        self.inputs = self._inputs(kind, fixture)
        self._counted = next((name for name, type_ in self.inputs.items() if type_ == "double precision"), None)
        columns = [f"{_quoted(name)} {self._column(name)}" for name in self.inputs]
        self.as_owner(
            f"create table churn.{self.name} (pk integer primary key, {', '.join(columns)}, the_score float8)"
        )
        self.as_owner(f"create table churn.{self.name}_event (id serial primary key, who integer)")
        self.as_owner(f"create index on churn.{self.name}_event (who)")
        asked: dict[str, Any] = {"expect": [f"expected:{name}" for name in fixture.expected[0]]}
        if kind == "onnx":
            asked = {"inputs": None if hasattr(_onnx(fixture), "feature_names_in_") else list(self.inputs)}
        classes = [name for name in fixture.expected[0] if name not in ("label", "value")]
        self.published = pgscore.publish(
            database.dsn(), self.name, fixture.path, golden=fixture.path.with_suffix(".csv"),
            positive=classes[-1] if len(classes) > 2 else None, profile=f"churn.{self.name}", promoted=True, **asked,
        )  # fmt: skip

    def as_owner(self, statement: str, *values: Any) -> None:  # noqa: ANN401
        """Runs a statement as the tables' owner."""
        self.session.run("set role churn_owner")
        try:
            self.session.run(statement, *values)
        finally:
            self.session.run("reset role")

    def _column(self, name: str) -> str:
        return "numeric not null default 0" if name == self._counted else self.inputs[name]

    @staticmethod
    def _inputs(kind: str, fixture: Fixture) -> dict[str, str]:
        if kind == "onnx":
            graph = _onnx(fixture)
            texts = {each.name for each in graph.inputs if each.kind == "string"}
            flags = {each.name for each in graph.inputs if each.kind == "bool"}
            return {
                name: "text" if name in texts else "boolean" if name in flags else "double precision"
                for name in fixture.rows[0]
            }
        with fixture.path.open("rb") as file:
            document = read_document(file, cast("DocumentFormat", kind), fixture.path.name, None)
        return {each.name: each.type for each in document.inputs}

    def insert(self, key: int, row: dict[str, str | None]) -> None:
        """Inserts a profile."""
        values = [_typed(row[name], kind) for name, kind in self.inputs.items()]
        if self._counted is not None:
            values[list(self.inputs).index(self._counted)] = 0
        names = ", ".join(map(_quoted, self.inputs))
        marks = ", ".join(["%s"] * len(values))
        self.as_owner(f"insert into churn.{self.name} (pk, {names}) values ({key}, {marks})", *values)

    def attach(self) -> None:
        """Attaches the events."""
        reducers = [] if self._counted is None else [{"column": self._counted, "aggregate": "count"}]
        self.as_owner(
            "select pgscore.attach(%s, %s, %s, 'who', 'pk', %s::jsonb, 'the_score', backfill => true)",
            self.name, f"churn.{self.name}_event", f"churn.{self.name}", json.dumps(reducers),
        )  # fmt: skip

    def score(self, key: int) -> tuple[float | None, float | None]:
        """The score that stands in a profile, and what the model gives for it now."""
        (found,) = self.session.run(
            f"select p.the_score, pgscore.score(%s, p) from churn.{self.name} p where pk = %s", self.name, key
        )
        return found[0], found[1]


def _onnx(fixture: Fixture) -> OnnxFile:
    return OnnxFile(fixture.content)


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


@pytest.mark.parametrize(("kind", "path"), _FILES, ids=[f"{kind}-{path.stem}" for kind, path in _FILES])
def test_a_file_is_published_attached_scored_and_explained(
    shared: Database, shared_session: Session, kind: str, path: Path
) -> None:
    """Its golden rows are its tool's predictions, which each engine gives before it is promoted."""
    fixture = read_fixture(path)
    bound = _Bound(shared, shared_session, kind, fixture)
    assert bound.published.obstacle is None
    assert {each.engine for each in bound.published.verifications} >= {"sql", "interpreter"}
    assert all(each.ok for each in bound.published.verifications)
    bound.attach()
    bound.insert(1, _row(fixture))
    bound.as_owner(f"insert into churn.{bound.name}_event (who) values (1), (1)")
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
    """A PMML file and no columns that are expected: one sentence says what is missing."""
    path = paths("pmml")[0]
    with pytest.raises(pgscore.PgscoreError, match="nothing here evaluates PMML") as refused:
        pgscore.publish(shared.dsn(), "unproved", path, golden=path.with_suffix(".csv"))
    assert "--expect" in refused.value.hint
    with pytest.raises(psycopg2.Error, match="unproved"):
        shared.session().value("select pgscore.score('unproved', '{}'::jsonb)")
