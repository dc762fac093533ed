"""Parts of the service that need no process: profile tables, keys, what waits for its turn."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import httpx
import pytest
from pgscore.bundle import load
from pgscore.bundle.requests import Given
from pgscore.serve.app import Application
from pgscore.serve.problems import Problem
from pgscore.serve.profiles import chosen_table, key_of, profile_tables, read
from pgscore.serve.rows import answered, score_of
from pgscore.serve.service import Service
from pgscore.serve.settings import Settings
from pgscore.served import Mark, Served

from .test_rows import BUNDLE


def _binding(name: str, profile: str, key: list[str], *columns: str) -> dict[str, Any]:
    reducers, types = [{"column": each} for each in columns], {each: {"type": "bigint"} for each in key}
    return {"name": name, "profile": profile, "profile_key": key, "profile_columns": types, "reducers": reducers}


def _served(*bindings: dict[str, Any]) -> Served:
    contract = {"inputs": [{"name": "age"}, {"name": "n"}]}
    return Served("churn", Mark(1, "", None), 1, contract, None, None, bindings, {})


def test_a_profile_has_what_all_of_its_bindings_move() -> None:
    tables = profile_tables(_served(_binding("a", "t", ["id"], "n"), _binding("b", "t", ["id"], "m")))
    assert list(tables) == ["t"]
    assert tables["t"].columns == ("id", "age", "n", "m")
    assert tables["t"].inputs == ("age", "n")
    assert tables["t"].binding == "a"


def test_several_profile_tables_are_named() -> None:
    served = _served(_binding("a", "t", ["id"], "n"), _binding("b", "u", ["shop", "number"], "n"))
    assert chosen_table(served, "u").key == ("shop", "number")
    for wanted in (None, "v", "t; drop table t"):
        with pytest.raises(Problem, match="t, u") as caught:
            chosen_table(served, wanted)
        assert caught.value.status == 422
    with pytest.raises(Problem, match="attached to no table"):
        chosen_table(_served(), None)


def test_a_profile_holds_numbers_of_any_length() -> None:
    assert read(f'{{"n": {"9" * 5000}, "of": {"9" * 5000}.5}}') == {"n": inf, "of": inf}


def test_a_key_is_segments_of_the_path() -> None:
    assert key_of([b"eu", b"a%2Fb%20c"]) == ["eu", "a/b c"]
    for none in (b"%00", b"%ff"):
        with pytest.raises(Problem):
            key_of([none])


@pytest.mark.parametrize(
    ("said", "output", "score"),
    [
        ({"value": 2}, {}, 2.0),
        ({"label": "yes", "probabilities": {"no": 0.2, "yes": 0.8}}, {"classes": ["no", "yes"], "positive": 1}, 0.8),
        ({"label": 1, "probabilities": {"0": 0.2, "1": 0.8}}, {"classes": [0, 1], "positive": 1}, 0.8),
        ({"label": True, "probabilities": {"false": 1, "true": 0}}, {"classes": [False, True], "positive": 1}, 0.0),
        ({"label": "yes"}, {"classes": ["no", "yes"], "positive": 1}, 1.0),
    ],
)
def test_the_score_in_what_predict_says(said: dict[str, Any], output: dict[str, Any], score: float) -> None:
    assert score_of(said, output) == score


def test_many_rows_leave_others_their_turns_and_end() -> None:
    bundle, turns = load(BUNDLE), 0
    row = dict(bundle.opened.golden[0].inputs)
    given = Given([row] * 2000, ["/rows/0"] * 2000, single=False)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both(seconds: float) -> int:
        other = asyncio.create_task(others())
        try:
            return len(await answered(given, bundle, lambda one, each: {"score": one.predict(each)}, seconds))
        finally:
            other.cancel()

    assert asyncio.run(both(60.0)) == 2000
    assert turns > 1
    with pytest.raises(Problem, match="ask for fewer at once") as caught:
        asyncio.run(both(0.0))
    assert caught.value.status == 503


def test_the_description_is_of_what_is_served_now(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(Settings(dsn=None, bundles=(BUNDLE,), log=False))
    service.start()

    async def paths() -> set[str]:
        transport = httpx.ASGITransport(app=Application(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            before = (await client.get("/openapi.json")).json()["paths"].keys()
            assert "/models/churn/score" in before
            # As of a model that is not in the database any more.
            monkeypatch.setattr(service.catalog, "served", {})
            return set((await client.get("/openapi.json")).json()["paths"])

    assert "/models/churn/score" not in asyncio.run(paths())
    service.close()
