"""Bundles that are none, were changed, are not signed or prove wrong; each is refused in one sentence."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pgscore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgscore import PgscoreError
from pgscore.bundle import load
from pgscore.bundle.seal import sealed

from tests.support.examples import examples

from .samples import SAMPLES, seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TEXT = SAMPLES["shop"].read_text()
_DOCUMENT = json.loads(_TEXT)


def _refusal(bundle: Any, **given: Any) -> str:  # noqa: ANN401
    with pytest.raises(PgscoreError) as caught:
        load(bundle, **given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The shop's bundle with a change, sealed anew."""
    document = copy.deepcopy(_DOCUMENT)
    change(document)
    return seal(document)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON in UTF-8"),
        (b"\xff", "it is not JSON in UTF-8"),
        (b"[]", "it is a list, not an object"),
        (b"{}", "it has no bundle"),
        (b'{"bundle": NaN}', "it is not JSON in UTF-8: NaN is no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"bundle":' + b"9" * 5000 + b"}", "it is not JSON in UTF-8"),
        (_TEXT.replace('"bundle":1', '"bundle":2').encode(), "of format 2, and this release reads format 1"),
        (_TEXT.replace('"Age":4', '"Age":5').encode(), "was changed: its sha256 is of other contents"),
        (_TEXT.replace("order_by", "order\\ud800by").encode(), "was changed: its sha256 is of other contents"),
        (_TEXT.replace('"model":"shop"', '"model":"shop\\ud800"').encode(), "model holds half of a surrogate pair"),
    ],
)
def test_what_is_no_bundle_is_refused(content: bytes, message: str) -> None:
    assert message in _refusal(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(model=5), "model is 5, not a text"),
        (lambda d: d.update(version=0), "version is 0, not within 1 to"),
        (lambda d: d.update(more=1), "it has a field 'more', which means nothing there"),
        (lambda d: d.update(program=[]), "program is a list, not an object"),
        (lambda d: d["program"].update(steps=[]), "scores[0]"),
        (lambda d: d["program"].update(link="identity"), "the program has 1 outputs, and the contract 2"),
        (lambda d: d["program"].update(link="exp"), "program.link is 'exp', which gives no probability"),
        (lambda d: d.update(contract=None), "contract is null, not an object"),
        (lambda d: d["contract"].pop("output"), "contract.output is null, not an object"),
        (lambda d: d["contract"]["output"].update(kind="odds"), "contract.output.kind is 'odds'"),
        (lambda d: d["contract"]["output"].update(positive=2), "contract.output.positive is 2"),
        (lambda d: d["contract"]["inputs"].pop(), "the contract has 3 inputs, and the program 4"),
        (lambda d: d["contract"]["inputs"][1].update(nullable=True), "contract.inputs[1] is another than"),
        (lambda d: d["contract"].update(tolerance=0.5), "contract.tolerance is 0.5, not within"),
        (lambda d: d.update(labels=["0"]), "labels has 1 entries"),
        (lambda d: d.update(labels=["0", "2"]), "contract.output.classes[1] is 1, and its text '2'"),
        (lambda d: d.update(labels=["0", "9" * 400]), "contract.output.classes[1] is 1, and its text '999"),
        (lambda d: d.update(golden=[]), "golden has no rows"),
        (lambda d: d["golden"][0].update(scale=-1), "golden[0].scale is -1"),
        (lambda d: d["golden"][0].update(expected="much"), "golden[0].expected is 'much', not a number"),
        (lambda d: d["golden"][0]["inputs"].pop("n"), 'the row has no input "n"'),
        (lambda d: d["golden"][0].update(expected=0.2), "golden row 1 gives 0.0001038"),
        (lambda d: d["golden"][1].update(expected=None), "golden row 2 gives"),
        (lambda d: d["golden"][2].update(expected=0.5), "golden row 3 gives None here"),
        (lambda d: d["golden"][0].update(outputs=[0.5, 0.00010384356753625317, 0]), "golden row 1 gives"),
        (lambda d: d["golden"][0]["outputs"].__setitem__(2, 1), "golden row 1 gives"),
        (lambda d: d["golden"][0]["outputs"].pop(), "golden row 1 gives"),
        (lambda d: d.update(bindings=[5]), "bindings[0] is 5, not an object"),
        (lambda d: d["bindings"].append(d["bindings"][0]), "it has two bindings of one name"),
        (lambda d: d["bindings"][0].pop("events"), "bindings[0] has no events"),
        (lambda d: d["bindings"][0].update(event_key=["nobody"]), "bindings[0].event_key names 'nobody'"),
        (lambda d: d["bindings"][0].update(event_key=[]), "has keys of different lengths"),
        (lambda d: d["bindings"][0]["reducers"][0].update(aggregate="median"), "reducers[0].aggregate is 'median'"),
        (lambda d: d["bindings"][0]["reducers"][0].update(of="at"), "reducers[0] is a count, and has an of"),
        (lambda d: d["bindings"][0]["reducers"][7].pop("order_by"), "reducers[7] is a last, and has no order_by"),
        (lambda d: d["bindings"][0]["reducers"][1].update(where={"Kind": 5}), "where.Kind is 5, not a text"),
        (lambda d: d["bindings"][0]["reducers"][1].update(column="n"), "reducers move a column twice"),
        (lambda d: d["bindings"][0]["event_columns"].update(id=7), "event_columns.id is 7, not an object"),
    ],
)
def test_what_is_malformed_or_wrong_is_refused_with_its_place(
    change: Callable[[dict[str, Any]], object], message: str
) -> None:
    assert message in _refusal(_changed(change))


def test_a_bundle_may_be_laid_out_anew() -> None:
    assert load(json.dumps(_DOCUMENT, indent=1, ensure_ascii=True).encode()).sha256 == _DOCUMENT["sha256"]
    assert load(f" {_TEXT}\n".encode()).score({"Age": 1, "n": 2, "billed": 1, "Total": 3.5}) == 0.00010384356753625317
    assert load(_DOCUMENT).bindings == ('"Shop"."Order Lines"',)


@given(st.integers(0, len(_TEXT) - 1), st.characters(max_codepoint=127))
def test_a_changed_character_is_noticed(position: int, character: str) -> None:
    """Or changes nothing: what it says is the same."""
    content = _TEXT[:position] + character + _TEXT[position + 1 :]
    try:
        found = load(content.encode())
    except PgscoreError:
        return
    assert json.loads(content) == _DOCUMENT, content[position - 20 : position + 20]
    assert found.sha256 == _DOCUMENT["sha256"]


def test_a_signature_is_checked_where_a_key_is_wanted(tmp_path: Path) -> None:
    keys = [tmp_path / name for name in ("ours.pem", "other.pem")]
    ours, other = (pgscore.generate_key(key) for key in keys)
    signed = seal(_DOCUMENT, keys[0])
    path = tmp_path / "shop.json"
    path.write_text(sealed(_DOCUMENT, keys[0]))
    for key in (ours, ours.raw, f"{keys[0]}.pub", None):
        assert load(path, key=key).key_id == ours.key_id
    assert f"signed with key {ours.key_id}, and key {other.key_id} is wanted" in _refusal(path, key=other)
    assert "carries no signature" in _refusal(_TEXT.encode(), key=ours)
    forged = signed | {"signature": {"key_id": other.key_id, "value": signed["signature"]["value"]}}
    assert "does not cover" in _refusal(forged, key=other)
    for value in ("zz", "00" * 64, signed["signature"]["value"][:-2]):
        assert "does not cover" in _refusal(signed | {"signature": {"key_id": ours.key_id, "value": value}}, key=ours)
    # Signed by whoever has the key, with a hash of the former contents.
    assert "was changed" in _refusal(signed | {"version": 2}, key=ours)
    assert "a public key has 32 bytes" in _refusal(path, key=b"short")
    assert "is a private key" in _refusal(path, key=keys[0])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "nowhere.json cannot be read" in _refusal(tmp_path / "nowhere.json")


_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "n", "Kind", "numeric", "numeric(3,-2)", "character(2147483648)", "C", "Infinity", "a\0", "1e9"]
    ),
    st.sampled_from(["count", "sum", "min", "last", "avg", "distinct", "trees", "date", "interval", "real"]),
    st.lists(st.integers(0, 3) | st.none(), max_size=2),
    st.dictionaries(st.sampled_from(["type", "name", "of"]), st.sampled_from(["text", "real", 1]), max_size=2),
)
_EVENT = {"Customer Id": 1, "Kind": "a", "amount": "1.5", "at": 3, "id": 1, "pieces": 2, "rush": True, "weight": 0.5}
_PROFILE = {
    "id": 1,
    "n": 0,
    "billed": 0,
    "Total": 0,
    "pieces": 0,
    "weight": 0.0,
    "least": None,
    "most": 1,
    "latest": "b",
}


@settings(max_examples=examples(300), deadline=None)
@given(st.data())
def test_any_change_gives_a_bundle_that_works_or_a_refusal(data: st.DataObject) -> None:
    """Sealed anew, as by somebody who means harm: never another exception."""
    document = copy.deepcopy(_DOCUMENT)
    place: Any = document
    while True:
        name = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[name], dict | list) and place[name] and data.draw(st.integers(0, 5)):
            place = place[name]
            continue
        if data.draw(st.booleans()):
            place[name] = data.draw(_JUNK)
        elif isinstance(place, dict):
            place[data.draw(st.sampled_from([*_EVENT, "of", "where", "type"]))] = place.pop(name)
        else:
            place.insert(0, place.pop(name))
        break
    refused = ""
    try:
        bundle = load(seal(document))
        for row in ({"Age": 1, "n": 2, "billed": 1, "Total": 3.5}, {"Age": None}):
            bundle.predict(row)
            bundle.explain(row)
        for column in _PROFILE:
            with suppress(PgscoreError):
                bundle.reduce(_PROFILE, [_EVENT, _EVENT], columns=[column])
    except PgscoreError as error:
        refused = str(error)
    assert "\n" not in refused


@pytest.mark.parametrize(("tie", "position"), [("first", 0), ("last", 1)])
def test_a_tie_goes_to_the_class_that_the_program_says(tie: str, position: int) -> None:
    def even(document: dict[str, Any]) -> None:
        document["program"].update(tie=tie, steps=[{"step": "linear", "of": [0], "weights": [0], "intercept": 0}])
        inputs = document["golden"][0]["inputs"]
        document["golden"] = [{"inputs": inputs, "expected": 0.5, "outputs": [0.5, 0.5, position], "scale": 0}]

    bundle = load(_changed(even))
    assert (bundle.predict({"Age": 1, "n": 2, "billed": 1, "Total": 3.5}) or {})["label"] == position


def test_an_integer_of_any_length_is_shown() -> None:
    bundle = load(SAMPLES["churn"])
    with pytest.raises(PgscoreError, match='input "state" is the number 1000'):
        bundle.score({**bundle.opened.golden[0].inputs, "state": 10**5000})
