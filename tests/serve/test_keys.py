"""Keys of profiles in paths: several columns, all types that a key may have, all characters of a text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.bindings import shop
from tests.support.database import ANALYST, Database, Session

from .running import Running, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

_UUID = "0123abcd-0000-0000-0000-00000000000f"
# Profile tables: the columns of their keys and values of them.
_TABLES: dict[str, tuple[dict[str, str], list[tuple[str, ...]]]] = {
    "numbered": ({"number": "bigint"}, [("1",), ("-4",), ("0",), (str(2**63 - 1),), (str(-(2**63)),)]),
    "lettered": (
        {"name": "text"},
        [
            *(("",), (" ",), ("a/b",), ("100%",), ("%2F",), ("a+b c",), ("?x=1&y#z",), ("Ä ß 猫 \U0001f600",)),
            *(("'; drop table x; --",), ("{a,b}",), ("NULL",), ("\\",), ("a\r\nb: c",), ("x" * 2000,), ("1",)),
        ],
    ),
    "paired": (
        {"region": "character varying", "number": "smallint"},
        [("eu", "1"), ("", "1"), ("eu/1", "-32768"), ("e\u0301", "2"), ("é", "2")],
    ),
    "turned": ({"number": "integer", "name": "text"}, [("7", ""), ("7", "/"), ("-7", "eu")]),
    "identified": ({"id": "uuid", "part": "uuid"}, [(_UUID, _UUID[::-1].replace("-", "")), (_UUID, _UUID)]),
}


@pytest.fixture
def session(shopping: Database) -> Session:
    session = shopping.session()
    session.run(f'grant usage on schema "Shop" to {ANALYST}')
    for table, (key, values) in _TABLES.items():
        columns, listed = ", ".join(f"{name} {kind}" for name, kind in key.items()), ", ".join(key)
        shop.run_as_owner(
            session,
            f"""
            create table "Shop".{table} (
                {columns}, "Age" integer, n bigint not null default 0, billed numeric not null default 0,
                "Total" numeric not null default 0, "Score" float8, "Version" integer, primary key ({listed})
            );
            create table "Shop".{table}_events (event integer primary key, {columns});
            grant select on "Shop".{table} to {ANALYST};
            """,
        )
        shop.run_as_owner(
            session,
            "select pgscore.attach('shop', %s, %s, %s::name[], %s::name[], %s, 'Score', 'Version')",
            *(f'"Shop".{table}_events', f'"Shop".{table}', list(key), list(key)),
            json.dumps([{"column": "n", "aggregate": "count"}]),
        )
        given = ", ".join(f"%s::{kind}" for kind in key.values())
        for age, each in enumerate(values):
            session.run(f'insert into "Shop".{table} ({listed}, "Age") values ({given}, %s)', *each, age)
    return session


@pytest.fixture
def service(shopping: Database, session: Session) -> Iterator[Running]:
    del session  # what it has made is served
    with Running("--model", "shop", dsn=shopping.dsn(ANALYST)) as running:
        yield running.until_ready()


def _get(service: Running, verb: str, table: str, *parts: str) -> httpx.Response:
    path = "/".join(quote(each, safe="") for each in parts)
    return service.client.get(f'/models/shop/{verb}/{path}?profile="Shop".{table}')


def test_each_profile_is_found_by_its_key_and_no_other(service: Running, session: Session) -> None:
    for table, (key, values) in _TABLES.items():
        for age, each in enumerate(values):
            response = _get(service, "score", table, *each)
            assert response.status_code == 200, (table, each, response.text)
            said = response.json()
            stored = session.value(f'select "Score" from "Shop".{table} where "Age" = %s', age)
            assert said.pop("score") == pytest.approx(stored, rel=0, abs=1e-15), (table, each)
            assert said == {"model": "shop", "version": 1, "profile": f'"Shop".{table}'}
            profile = _get(service, "profile", table, *each).json()["profile"]
            assert profile["Age"] == age
            stored = session.value(f'select to_jsonb(t) from "Shop".{table} t where "Age" = %s', age)
            assert [profile[name] for name in key] == [stored[name] for name in key]


def test_keys_that_no_profile_has(service: Running) -> None:
    no_text = ("a", "b/a", "%2", "\0")
    numbers = ("2", "+1", "1.0", "1e0", " 1", "1_0", "0x1", "\u0661", str(2**63), "", "null", "1 or true")
    for table, parts in [
        *(("numbered", [each]) for each in numbers),
        *(("lettered", [each]) for each in no_text),
        *(("paired", each) for each in (["eu"], ["eu", "1", "1"], ["1", "eu"], ["eu", "32768"], ["eu", ""])),
        *(("turned", each) for each in (["", "7"], ["7"], ["7", "eu"], ["7", "", ""])),
        *(("identified", each) for each in ([_UUID], [_UUID, "x"], [_UUID, _UUID[:-1]], [_UUID, "_" + _UUID[1:]])),
    ]:
        for verb in ("score", "profile"):
            problem(_get(service, verb, table, *parts), 404, "no-profile")
    problem(service.client.get("/models/shop/score/1"), 422, "which-profile")
    problem(_get(service, "score", "nowhere", "1"), 422, "which-profile")
    assert not [line for line in service.lines if line["event"] == "fault"]


def test_a_numeric_of_more_digits_than_python_reads(service: Running, session: Session) -> None:
    session.run("""update "Shop".numbered set "Total" = ('1' || repeat('0', 5000))::numeric where number = 1""")
    said = _get(service, "score", "numbered", "1").json()
    assert (said["score"], said["reason"] is None) == (None, False)
    assert session.value("""select pgscore.score('shop', t) from "Shop".numbered t where number = 1""") is None


def test_keys_are_described_by_their_types(service: Running) -> None:
    paths = service.client.get("/openapi.json").json()["paths"]
    described = {
        path: {each["name"]: each["schema"] for each in operation["get"]["parameters"]}
        for path, operation in paths.items()
        if path.startswith("/models/shop/score/")
    }
    assert list(described) == ["/models/shop/score/{key}", "/models/shop/score/{key}/{key1}"]
    one, two = described.values()
    bigint = {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1}
    assert one == {"key": {"anyOf": [bigint, {"type": "string"}]}, "profile": {"enum": _named("lettered", "numbered")}}
    assert two["profile"] == {"enum": _named("identified", "paired", "turned")}
    assert {"type": "string", "format": "uuid"} in two["key"]["anyOf"]
    operations = [each["operationId"] for path in paths.values() for each in path.values()]
    assert len(set(operations)) == len(operations)


def _named(*tables: str) -> list[str]:
    return [f'"Shop".{each}' for each in tables]
