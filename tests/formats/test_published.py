"""Files of other tools in the database: published, proved by their tools' predictions, promoted, scored, explained."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pgscore
import psycopg2
import pytest
from pgscore.publishing.documents import FORMATS

from .fixtures import Fixture, paths, read_fixture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_FILES = [(kind, path) for kind in FORMATS for path in paths(kind)]


def _name(path: Path) -> str:
    return path.stem.lower().replace("-", "_")


def _published(database: Database, kind: str, fixture: Fixture, **options: Any) -> pgscore.Published:  # noqa: ANN401
    """Publishes a file with what its tool gave; of ONNX its runtime is asked."""
    asked: dict[str, Any] = {"expect": [f"expected:{name}" for name in fixture.expected[0]]}
    if kind == "onnx":
        asked = {"inputs": None}
        names = list(fixture.rows[0])
        from pgscore_runtime.onnx_file import OnnxFile

        if not hasattr(OnnxFile(fixture.content), "feature_names_in_"):
            asked = {"inputs": names}
    classes = [name for name in fixture.expected[0] if name not in ("label", "value")]
    positive = classes[-1] if len(classes) > 2 else None
    return pgscore.publish(
        database.dsn(), _name(fixture.path), fixture.path, golden=fixture.path.with_suffix(".csv"), positive=positive,
        promoted=True, **asked, **options,
    )  # fmt: skip


def _score(session: Session, name: str, row: dict[str, Any]) -> float | None:
    found: float | None = session.value("select pgscore.score(%s, %s::jsonb)", name, json.dumps(row))
    return found


def _payload(database: Database, name: str, row: dict[str, str | None]) -> dict[str, Any]:
    """A row as JSON: numbers as numbers, infinities as texts."""
    inputs = database.session().value(
        "select v.contract -> 'inputs' from pgscore.model_version v where v.model = %s and v.version = 1", name
    )
    kinds = {each["name"]: each["type"] for each in inputs}
    return {key: _typed(value, kinds[key]) for key, value in row.items() if key in kinds}


def _typed(value: str | None, kind: str) -> Any:  # noqa: ANN401
    if value is None or kind == "text":
        return value
    if kind == "boolean":
        return value.lower() in ("true", "1", "1.0")
    number = float(value)
    if math.isnan(number):
        return None
    return number if math.isfinite(number) else ("Infinity" if number > 0 else "-Infinity")


@pytest.mark.parametrize(("kind", "path"), _FILES, ids=[f"{kind}-{path.stem}" for kind, path in _FILES])
def test_a_file_scores_as_its_tool_does(shared: Database, kind: str, path: Path) -> None:
    """Its golden rows are the tool's predictions, which all engines give before it is promoted."""
    fixture = read_fixture(path)
    published = _published(shared, kind, fixture)
    assert published.obstacle is None
    assert {each.engine for each in published.verifications} >= {"sql", "interpreter"}
    assert all(each.ok for each in published.verifications)
    assert published.promoted
    known = next(n for n, each in enumerate(fixture.expected) if all(value is not None for value in each.values()))
    wanted = fixture.expected[known]
    score = _score(shared.session(), _name(path), _payload(shared, _name(path), fixture.rows[known]))
    if "label" not in wanted or len(wanted) > 1:
        assert score == pytest.approx(float(list(wanted.values())[-1] or "nan"), rel=1e-5, abs=1e-6)


_EXPLAINED = [each for each in _FILES if each[1].stem in ("random_forest", "gbm_binomial", "tree_regressor")]


@pytest.mark.parametrize(("kind", "path"), _EXPLAINED, ids=[f"{kind}-{path.stem}" for kind, path in _EXPLAINED])
def test_a_file_is_explained(shared: Database, kind: str, path: Path) -> None:
    """Trees whose file has no covers are explained by the rows that they were proved with."""
    fixture = read_fixture(path)
    _published(shared, kind, fixture)
    payload = _payload(shared, _name(path), fixture.rows[0])
    session = shared.session()
    reasons = session.run(
        "select input, contribution from pgscore.explain(%s, %s::jsonb)", _name(path), json.dumps(payload)
    )
    assert {name for name, _ in reasons} >= set(payload)


def test_without_what_its_tool_gave_nothing_is_published(shared: Database) -> None:
    """A PMML file and no columns that are expected: one sentence says what is missing."""
    path = paths("pmml")[0]
    with pytest.raises(pgscore.PgscoreError, match="nothing here evaluates PMML") as refused:
        pgscore.publish(shared.dsn(), "unproved", path, golden=path.with_suffix(".csv"))
    assert "--expect" in refused.value.hint
    with pytest.raises(psycopg2.Error, match="unproved"):
        shared.session().value("select pgscore.score('unproved', '{}'::jsonb)")
