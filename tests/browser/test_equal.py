"""What pgscore.js gives in Chromium, beside what the database gives for the same rows."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

import pgscore
import pytest
from pgscore.keys import generate_key

from examples.browser import world

from . import models

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from tests.support.database import Database

    from .visitor import Visitor

_COUNT = 1000
_LOAD = "const { load } = await import('./pgscore.js'); const bundle = await load(text, options);"
_ASK = f"""async ([text, options, rows]) => {{
    {_LOAD}
    const many = await bundle.scoreMany(rows);
    await bundle.close();
    return {{
        scores: rows.map((row) => bundle.score(row)), many,
        predicted: rows.map((row) => bundle.predict(row)),
        explained: rows.slice(0, 100).map((row) => bundle.explain(row)),
    }};
}}"""
_REDUCE = f"""async ([text, options, profile, events]) => {{
    {_LOAD}
    return events.reduce((found, [binding, row]) => bundle.reduce(found, [row], {{ binding }}), profile);
}}"""


def _alike(found: float | None, expected: float | None, scale: float = 1.0) -> bool:
    if found is None or expected is None:
        return found is expected
    return abs(found - expected) <= 1e-12 * max(1.0, scale)


@pytest.mark.parametrize("name", models.MODELS)
def test_a_thousand_rows_are_scored_as_in_the_database(
    bare: Visitor, published: Database, connection: Connection, name: str
) -> None:
    rows = models.rows(name, _COUNT)
    text = pgscore.make_bundle(published.dsn(), name)
    found = bare.page.evaluate(_ASK, [text, {}, rows])
    query = """
        select pgscore.score(%(model)s, r.it), pgscore.predict(%(model)s, r.it),
            case when r.n <= 100 then (
                select jsonb_agg(to_jsonb(e) order by e.place) from pgscore.explain(%(model)s, r.it)
                    with ordinality as e (input, value, contribution, place)
            ) end
        from jsonb_array_elements(%(rows)s) with ordinality as r (it, n) order by r.n
    """
    with connection, connection.cursor() as cursor:
        # As a browser writes them: of 0.0 Python writes that it is no integer, and PostgreSQL keeps that.
        cursor.execute(query, {"model": name, "rows": bare.page.evaluate("(rows) => JSON.stringify(rows)", rows)})
        expected = cursor.fetchall()
    assert sum(score is not None for score, *_ in expected) > _COUNT / 2
    assert found["many"] == found["scores"]
    for n, (score, prediction, explained) in enumerate(expected):
        scale = abs(score) if name == "value" and score is not None else 1.0
        assert _alike(found["scores"][n], score, scale), rows[n]
        predicted = found["predicted"][n]
        assert (predicted is None) == (prediction is None), rows[n]
        if prediction is not None and name != "value":
            assert predicted["label"] == prediction["label"], rows[n]
            for label, probability in prediction["probabilities"].items():
                assert _alike(predicted["probabilities"][label], probability), rows[n]
        if explained is not None:
            _compare_reasons(found["explained"][n], explained)
    assert bare.violations == []
    assert bare.said == []


def _compare_reasons(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected)
    scale = sum(abs(each["contribution"]) for each in expected)
    wanted = {each["input"]: each for each in expected}
    for each in found:
        assert _alike(each["contribution"], wanted[each["input"]]["contribution"], scale)
        assert each["value"] == wanted[each["input"]]["value"]


def test_profiles_are_moved_as_in_the_database(bare: Visitor, site: Path, connection: Connection) -> None:
    columns, rows = world.read_profiles(connection)
    drawn = random.Random(0)  # noqa: S311
    for row in rows[50:60]:
        events = drawn.choices(sorted(world.EVENTS), k=12)
        given = [list(world.EVENTS[each]) for each in events]
        profile = dict(zip(columns, row, strict=True))
        found = bare.page.evaluate(_REDUCE, [(site / "churn.json").read_text(), {}, profile, given])
        for each in events:
            world.happen(connection, row[0], each)
        _, now = world.read_profiles(connection)
        (expected,) = [dict(zip(columns, each, strict=True)) for each in now if each[0] == row[0]]
        assert found == expected
        assert found != profile


def test_signatures_are_verified_by_the_browser(bare: Visitor, published: Database, key: Path, tmp_path: Path) -> None:
    ask = f"""async ([text, options]) => {{
        try {{ {_LOAD} return bundle.version; }} catch (error) {{ return error.name + ": " + error.message; }}
    }}"""
    signed = pgscore.make_bundle(published.dsn(), "value", key=key)
    pem = key.with_name(key.name + ".pub").read_text()
    generate_key(tmp_path / "other.pem")
    other_pem = (tmp_path / "other.pem.pub").read_text()
    assert bare.page.evaluate(ask, [signed, {"key": pem}]) == 1
    assert bare.page.evaluate(ask, [signed, {"key": [other_pem, pem]}]) == 1
    refused = bare.page.evaluate(ask, [signed, {"key": other_pem}])
    assert re.fullmatch("PgscoreError: the bundle is signed with key [0-9a-f]{16}, which is not trusted here", refused)
    document = json.loads(signed)
    value = document["signature"]["value"]
    document["signature"]["value"] = value[:-1] + ("0" if value[-1] != "0" else "1")
    forged = bare.page.evaluate(ask, [json.dumps(document), {"key": pem}])
    assert "does not cover this bundle" in forged


def test_the_page_goes_on_while_a_worker_scores(bare: Visitor, site: Path) -> None:
    ask = f"""async ([text, options, rows]) => {{
        {_LOAD}
        let [turns, isDone] = [0, false];
        const turn = () => {{ turns += 1; if (!isDone) setTimeout(turn); }};
        setTimeout(turn);
        const scores = await bundle.scoreMany(Array.from({{ length: 40 }}, () => rows).flat());
        isDone = true;
        await bundle.close();
        return [turns, scores.length, new Set(scores).size];
    }}"""
    rows = models.rows("churn", _COUNT)
    turns, count, different = bare.page.evaluate(ask, [(site / "churn.json").read_text(), {}, rows])
    assert count == 40 * _COUNT
    assert different > 100
    # In each of twenty parts, and in most of them more than once.
    assert turns >= 20
