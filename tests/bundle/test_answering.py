"""What is answered over HTTP is what a bundle gives, and is JSON whatever stands in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pgscore.bundle import Bundle, load
from pgscore.bundle.answering import answer

from .samples import SAMPLES, seal

# Too large for a double's digits: the sum of numeric stays a text then.
_LARGE = "12345678901234567890.25"
# All but the last kind, which the profile alone does not tell from the second event on.
_MOVED = ["n", "billed", "Total", "pieces", "weight", "least", "most"]


@pytest.fixture(scope="module")
def shop() -> Bundle:
    return load(SAMPLES["shop"])


def _profile(**changed: Any) -> dict[str, Any]:  # noqa: ANN401
    names = ("n", "billed", "Total", "pieces", "weight")
    return {**dict.fromkeys(names, 0), "least": None, "most": None, "latest": None, "Age": 31, **changed}


def _event(**changed: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"id": 1, "Kind": "billing", "rush": True, "amount": 2.1, "pieces": 1, "weight": 0.5, "at": 7, **changed}


def _said(shop: Bundle, request: dict[str, Any]) -> dict[str, Any]:
    answered = answer(shop, "post", json.dumps(request))
    assert answered.status == 200, answered.body
    said: dict[str, Any] = json.loads(answered.body, parse_constant=pytest.fail)
    return said


def test_a_profile_goes_back_and_forth_without_a_loss(shop: Bundle) -> None:
    """Each time with what was answered the time before, as a caller that keeps the profile does it."""
    profile, events = _profile(Total=_LARGE), [_event(id=n, at=n, amount="0.1") for n in range(3)]
    del profile["latest"]
    at_once = _said(shop, {"row": profile, "events": events, "columns": _MOVED})
    for event in events:
        profile = _said(shop, {"row": profile, "events": [event], "columns": _MOVED})["profile"]
    assert profile == at_once["profile"]
    assert profile["Total"] == "12345678901234567890.55"
    assert (profile["least"], profile["billed"]) == (0.1, 3)
    assert at_once["score"] == shop.score(shop.reduce(_profile(Total=_LARGE), events, columns=_MOVED))


def test_numbers_that_json_lacks_are_texts(shop: Bundle) -> None:
    profile = _said(shop, {"row": _profile(), "events": [_event(amount="NaN", weight="Infinity")]})["profile"]
    assert (profile["Total"], profile["weight"]) == ("NaN", "Infinity")
    profile = _said(shop, {"row": _profile(), "events": [_event(amount="1" + "0" * 400)]})["profile"]
    assert profile["Total"] == "1" + "0" * 400


def test_a_bundle_without_a_binding_takes_no_events() -> None:
    bundle = load(seal({**json.loads(SAMPLES["shop"].read_bytes()), "bindings": []}))
    answered = answer(bundle, "POST", json.dumps({"row": _profile(), "events": []}))
    assert (answered.status, json.loads(answered.body)["hint"][:19]) == (422, "Make it with one: p")


@pytest.mark.parametrize(
    "body", [b"\xff", b"\xff\xfe{", "1" * 5000, '{"row": Infinity}', "\ufeff{}", '{"row": {"n": ' + "1" * 5000]
)
def test_what_is_no_json_is_400(shop: Bundle, body: bytes | str) -> None:
    assert answer(shop, "POST", body).status == 400
