"""What a function answers is what the web service answers, to the letter, for whatever is sent."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pgscore.bundle import load
from pgscore.bundle.answering import answer
from pgscore.serve.app import Application
from pgscore.serve.service import Service
from pgscore.serve.settings import Settings

from .samples import SAMPLES, seal

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROFILE = {**dict.fromkeys(("n", "billed", "Total", "pieces", "weight"), 0), "latest": "billing", "Age": 31}
_EVENT = {"id": 1, "Kind": "billing", "rush": True, "amount": 2.1, "pieces": 1, "weight": 0.5, "at": 7}
# Of two events the last kind is not known, and the model does not read it.
_EVENTS = [_EVENT, {**_EVENT, "id": 2}]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service(Settings(dsn=None, bundles=(SAMPLES["shop"],), log=False))
    made.start()
    yield made
    made.close()


def _served(service: Service, body: bytes) -> tuple[int, str, Any]:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=Application(service))
        async with httpx.AsyncClient(transport=transport) as client:
            (model,) = service.catalog.served
            return await client.post(f"http://service/models/{model}/score", content=body)

    found = asyncio.run(ask())
    return found.status_code, found.headers["content-type"], found.json()


def _of_function(body: bytes | str) -> tuple[int, str, Any]:
    found = answer(load(SAMPLES["shop"]), "post", body)
    return found.status, found.headers["content-type"], json.loads(found.body, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"row": _PROFILE}, 200),
        ({"row": {**_PROFILE, "Age": None}}, 200),
        ({"row": {**_PROFILE, "Total": "Infinity"}}, 200),
        ({"rows": [_PROFILE, {**_PROFILE, "n": 5}, {**_PROFILE, "n": None}]}, 200),
        ({"row": _PROFILE, "events": _EVENTS}, 200),
        ({"row": _PROFILE, "events": _EVENTS, "binding": '"Shop"."Order Lines"'}, 200),
        ({"rows": [_PROFILE, _PROFILE], "events": [_EVENTS, []]}, 200),
        ({"row": _PROFILE, "events": _EVENTS, "binding": "shop"}, 409),
        ({"row": _PROFILE, "events": [{}]}, 409),
        ({"row": {**_PROFILE, "n": None}, "events": _EVENTS}, 409),
        ({"row": _PROFILE, "events": _EVENTS, "binding": 5}, 422),
        ({"row": _PROFILE, "binding": "shop"}, 422),
        ({"row": _PROFILE, "events": _EVENT}, 422),
        ({"rows": [_PROFILE], "events": [_EVENT]}, 422),
        ({"rows": [_PROFILE], "events": []}, 422),
        ({"row": _PROFILE, "events": [{}] * 10_001}, 422),
        ({"row": {}}, 422),
        ({"row": {**_PROFILE, "Age": "31", "n": True, "billed": [[]]}}, 422),
        ({"rows": [_PROFILE, {**_PROFILE, "Age": {}}]}, 422),
        ({"rows": [_PROFILE, 5]}, 422),
        ({"rows": []}, 422),
        ({"rows": [_PROFILE] * 1001}, 422),
        ({"rows": {}}, 422),
        ({"row": [], "rows": []}, 422),
        ({"row": _PROFILE, "a/b~c": 1}, 422),
        ({"row": _PROFILE, "long" * 200: 1}, 422),
        ({"row": {**_PROFILE, "Age": "old" * 200}}, 422),
        ({}, 422),
        ([], 422),
        (None, 422),
    ],
)
def test_a_request_is_answered_as_the_service_answers_it(service: Service, request_: object, status: int) -> None:
    body = json.dumps(request_).encode()
    found = _of_function(body)
    assert found[0] == status, found
    assert found == _served(service, body)


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{",
            b"\xff",
            b"\xff\xfe{\x00",
            b"[" * 9**6,
            b'{"row": NaN}',
            b'{"row": {}, "row": {}}',
            b"\xef\xbb\xbf{}",
        ),
        *(b'{"row": {"Age": ' + b"1" * 5000, b'{"row": {"Age": "\\ud800"}}', b"{} {}"),
    ],
)
def test_what_is_no_json_is_400_as_of_the_service(service: Service, body: bytes) -> None:
    found = _of_function(body)
    assert found[0] == 400
    assert found == _served(service, body)


def test_integers_of_any_length_are_numbers(service: Service) -> None:
    body = (
        b'{"row": ' + json.dumps({**_PROFILE, "Age": 0}).encode().replace(b'"Age": 0', b'"Age": ' + b"1" * 5000) + b"}"
    )
    found = _of_function(body)
    assert found[0] == 200
    assert found == _served(service, body)


def test_a_bundle_without_a_binding_takes_no_events() -> None:
    bundle = load(seal({**json.loads(SAMPLES["shop"].read_bytes()), "bindings": []}))
    answered = answer(bundle, "POST", json.dumps({"row": _PROFILE, "events": []}))
    assert answered.status == 409
    assert "holds no binding" in json.loads(answered.body)["detail"]


def test_events_that_are_nested_deeply_are_refused() -> None:
    # The parser and what shows a value give up at depths that are not far from each other.
    for depth in range(950, 1000):
        nested = "[" * depth + "]" * depth
        for column in ("amount", "Kind"):
            body = json.dumps({"row": _PROFILE, "events": [{**_EVENT, column: "nested"}]}).replace('"nested"', nested)
            found = _of_function(body)
            assert found[0] in (400, 409), found


def test_half_a_character_in_a_text_is_no_json() -> None:
    body = json.dumps({"row": {**_PROFILE, "latest": "\ud800"}}, ensure_ascii=False)
    found = _of_function(body)
    assert found[0] == 400
    assert "UTF-8" in found[2]["detail"]
