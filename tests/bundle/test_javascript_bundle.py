"""pgscore.js as a module: what it loads and refuses, rows as JSON, reasons, the worker, its size."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tomllib
from math import fsum, inf, isfinite, log
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pgscore.bundle.payload import arrays
from pgscore.errors import PgscoreError
from pgscore.keys import generate_key
from pgscore_runtime.errors import Refusal
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from pgscore_runtime.reasons import Explainer

from tests.program.strategies import programs, rows
from tests.support.examples import examples
from tests.support.migrate import ROOT

from . import programs as drawn
from .node import MODULE, Node, RefusedError
from .samples import SAMPLES, seal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.program.oracle import Program

_fuzz = settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))
_MOST_BYTES = 15_000
_MOST_LINES = 400
_WIDEST = 140


def _churn() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SAMPLES["churn"].read_text())
    return found


def test_the_module_is_small_and_made_of_its_source() -> None:
    made = MODULE.read_bytes()
    assert len(gzip.compress(made, mtime=0)) <= _MOST_BYTES
    source = sorted(MODULE.with_name("source").glob("*.js"))
    # As sha256sum prints it.
    listed = "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in source)
    # docker/browser-module makes it anew.
    assert made.partition(b"\n")[0].endswith(f"whose sha256 is {hashlib.sha256(listed.encode()).hexdigest()}".encode())


def test_each_module_of_the_source_is_short() -> None:
    for each in MODULE.with_name("source").glob("*.js"):
        lines = each.read_text().splitlines()
        assert len(lines) < _MOST_LINES, each
        assert max(map(len, lines)) <= _WIDEST, each


def test_the_package_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    package = json.loads(MODULE.with_name("package.json").read_text())
    assert package["version"] == re.sub(r"\.dev(\d+)$", r"-dev.\1", project["version"])
    assert package["license"] == project["license"]["text"]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("form", ["file", "text", "document", "layout"])
def test_a_bundle_is_loaded_in_any_form(node: Node, name: str, form: str, tmp_path: Path) -> None:
    text = SAMPLES[name].read_text()
    layout = tmp_path / "layout.json"
    layout.write_text(json.dumps(json.loads(text), indent=2))
    forms = {
        "file": SAMPLES[name].as_uri(), "text": text, "document": json.loads(text), "layout": layout.as_uri(),
    }  # fmt: skip
    assert node.ask("load", source=forms[form]) == [name, 1]
    for golden in json.loads(text)["golden"]:
        (prediction,) = node.rows("predict", [golden["inputs"]])
        if golden["expected"] is None:
            assert prediction is None
        else:
            assert list(prediction["probabilities"].values()) == pytest.approx(golden["outputs"][:-1], abs=1e-12)


def _changed(change: Callable[[dict[str, Any]], None], *, sealed: bool = True) -> dict[str, Any]:
    document = _churn()
    change(document)
    return seal(document) if sealed else document


def _worsen(document: dict[str, Any]) -> None:
    document["golden"][3]["expected"] += 1e-9


def _lose(document: dict[str, Any]) -> None:
    document["golden"][3]["expected"] = document["golden"][3]["outputs"] = None


def _mislabel(document: dict[str, Any]) -> None:
    document["golden"][3]["outputs"][-1] = 1 - document["golden"][3]["outputs"][-1]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (_changed(lambda d: d["program"]["steps"][0]["base"].__setitem__(0, 7.0), sealed=False), "it was changed"),
        (_changed(lambda d: d["program"]["steps"][0]["base"].__setitem__(0, 7.0)), "golden row 1 "),
        (_changed(_worsen), "golden row 4 "),
        (_changed(_lose), "golden row 4 "),
        (_changed(_mislabel), "golden row 4 "),
        (_changed(lambda d: d.update(golden=[])), "golden"),
        (_changed(lambda d: d.update(bundle=2)), "format 1"),
        (_changed(lambda d: d["program"].update(program=2)), "another than 1"),
        (_changed(lambda d: d["program"].update(more=1)), "has a field more"),
        (_changed(lambda d: d["contract"]["inputs"].pop()), "inputs are not the contract's"),
        (_changed(lambda d: d["labels"].pop()), "labels"),
        ('{"bundle": 1', "the bundle is no JSON: "),
        ([], "no bundle of format 1"),
        (None, "no bundle of format 1"),
        ("file:///nothing/there.json", "the bundle cannot be fetched: "),
        ("nowhere", "the bundle cannot be fetched: "),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(node: Node, document: Any, why: str) -> None:  # noqa: ANN401
    with pytest.raises(RefusedError, match=why):
        node.ask("load", source=document)


def test_a_signature_is_wanted_where_a_key_is_given(node: Node, tmp_path: Path) -> None:
    keys = []
    for name in ("ours", "theirs"):
        generate_key(tmp_path / name)
        keys.append((tmp_path / f"{name}.pub").read_text())
    document = seal(_churn(), tmp_path / "ours")
    assert node.ask("load", source=document, key=keys[0]) == ["churn", 1]
    assert node.ask("load", source=document, key=keys[::-1]) == ["churn", 1]
    with pytest.raises(RefusedError, match="not trusted here"):
        node.ask("load", source=document, key=keys[1])
    with pytest.raises(RefusedError, match="carries no signature"):
        node.ask("load", source=_churn(), key=keys[0])
    forged = seal(_churn()) | {"signature": dict(document["signature"])}
    forged["signature"]["value"] = Ed25519PrivateKey.generate().sign(b"this").hex()
    with pytest.raises(RefusedError, match="does not cover"):
        node.ask("load", source=forged, key=keys[0])


def _nodes(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda document: change(document["program"]["steps"][0])


@pytest.mark.parametrize(
    "change",
    [
        _nodes(lambda trees: trees["left"].__setitem__(1, 1)),
        _nodes(lambda trees: trees["left"].__setitem__(0, 0)),
        _nodes(lambda trees: trees["right"].__setitem__(0, trees["left"][0])),
        _nodes(lambda trees: trees["right"].__setitem__(0, 10**7)),
        _nodes(lambda trees: trees["feature"].__setitem__(0, 999)),
        _nodes(lambda trees: trees["roots"].append(0)),
        _nodes(lambda trees: trees["values"].pop()),
        _nodes(lambda trees: trees["threshold"].pop()),
        _nodes(lambda trees: trees["threshold"].__setitem__(0, None)),
        _nodes(lambda trees: trees["of"].__setitem__(0, 10**6)),
        _nodes(lambda trees: trees.update(divide=0)),
        lambda document: document["program"].update(scores=[10**9]),
        lambda document: document["program"].update(link="__proto__"),
        lambda document: document["program"]["steps"].append({"step": "constructor"}),
        lambda document: document["program"]["steps"].append(None),
        lambda document: document["program"]["inputs"].append(dict(document["program"]["inputs"][0])),
    ],
)
def test_a_malformed_program_is_refused(node: Node, change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(RefusedError, match="the bundle is refused: "):
        node.ask("open", document=_changed(change))


_INPUTS: list[Program] = [
    {"name": "x", "type": "double precision", "nullable": True},
    {"name": 'a "b"', "type": "text", "nullable": True},
    {"name": "__proto__", "type": "boolean", "nullable": True},
]
_LOOKUP: Program = {
    "step": "lookup",
    "of": 1,
    "keys": ["", "5", "\U0001f600"],
    "values": [1, 2, 3],
    "unknown": 4,
    "missing": 5,
}
_JSON = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30).filter(lambda n: abs(n) < 2**53),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != int(x)),
    st.sampled_from([1e300, -0.5, 1e-7, 5e-324, 1.5e21, 0, 2**53]),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "5", "true", "", "é\n\"'\\", "\U0001f600", "a\0"]),
    st.sampled_from([[], {}, [1.5, "a", None], {"a": {"b": [True]}}]),
)


@_fuzz
@given(payload=st.dictionaries(st.sampled_from([each["name"] for each in _INPUTS] * 9 + ["other"]), _JSON))
def test_rows_are_read_as_python_reads_them(node: Node, payload: dict[str, Any]) -> None:
    program: Program = {
        "program": 1, "inputs": _INPUTS, "scores": [4, 3, 2], "link": "one_vs_all", "tie": "first",
        "steps": [
            _LOOKUP,
            {"step": "fill", "of": 0, "with": 0.25},
        ],
    }  # fmt: skip
    node.ask("open", document=drawn.document(program))
    (found,) = node.rows("outputs", [payload])
    parsed = parse_program(json.dumps(program))
    if isinstance(found, RefusedError):
        with pytest.raises(PgscoreError) as refused:
            arrays(parsed.inputs, payload)
        assert (found.message, found.hint) == (str(refused.value).partition("\n")[0], refused.value.hint or "")
        return
    outputs, _ = Interpreter(parsed).outputs(*arrays(parsed.inputs, payload))
    assert found == pytest.approx(outputs, nan_ok=True)


def _looked_up(keys: list[str]) -> Program:
    return {
        "program": 1,
        "inputs": [{"name": "x", "type": "text", "nullable": True}],
        "steps": [_LOOKUP | {"of": 0, "keys": keys, "values": list(range(len(keys)))}],
        "scores": [1],
        "link": "identity",
        "tie": "first",
    }


def test_texts_are_sorted_by_code_points(node: Node) -> None:
    keys = ["a", "\ud7ff", "\ue000", "\uffee", "\U00010000", "\U0001f600", "\U0001f600a", "\U0001f601"]
    node.ask("open", document=drawn.document(_looked_up(keys)))
    assert node.rows("score", [{"x": key} for key in keys]) == list(range(len(keys)))
    for n in range(len(keys) - 1):
        swapped = [*keys[:n], keys[n + 1], keys[n], *keys[n + 2 :]]
        with pytest.raises(RefusedError, match=r"steps\[0\].keys\[\d\]"):
            node.ask("open", document=drawn.document(_looked_up(swapped)))


def _reasons(program: Program, row: Sequence[Any]) -> list[float] | str | None:
    try:
        explainer = Explainer(parse_program(json.dumps(program)), 0)
    except Refusal as refusal:
        return refusal.message
    return explainer.reasons(*drawn.arrays(program, row))


@_fuzz
@given(data=st.data(), program=programs())
def test_reasons_are_the_runtimes(node: Node, data: st.DataObject, program: Program) -> None:
    row = data.draw(rows(program))
    wanted = _reasons(program, row)
    with pytest.MonkeyPatch.context() as patch, drawn.recorded(patch) as seen:
        _reasons(program, row)
    node.ask("give", functions={name: list(pairs.items()) for name, pairs in seen.items()})
    node.ask("open", document=drawn.document(program))
    payload = drawn.payload(program, row)
    (found,) = node.rows("explain", [payload])
    if isinstance(wanted, str):
        assert isinstance(found, RefusedError)
        assert found.message == f'model "drawn" version 1 cannot be explained: {wanted}'
        return
    assert not isinstance(found, RefusedError), found.message
    if wanted is None:
        assert found == []
        return
    assert found[0]["input"] is None
    assert sorted(each["input"] for each in found[1:]) == sorted(each["name"] for each in program["inputs"])
    sizes = [inf if each["contribution"] != each["contribution"] else abs(each["contribution"]) for each in found[1:]]
    assert sizes == sorted(sizes, reverse=True)
    # Extreme leaves cancel each other.
    assume(all(map(isfinite, wanted)) and fsum(map(abs, wanted)) < 1e15)
    by_name = {each["input"]: each["contribution"] for each in found}
    names = [*(each["name"] for each in program["inputs"]), None]
    assert [by_name[name] for name in names] == pytest.approx(
        wanted[:-1], abs=1e-9 * (fsum(map(abs, wanted)) + _largest(program))
    )


def _largest(program: Program) -> float:
    return max(
        (abs(x) for step in program["steps"] for x in (*step.get("values", []), 1.0) if x is not None), default=1.0
    )


def test_a_sum_of_reasons_is_the_score_in_the_links_space(node: Node) -> None:
    node.ask("load", source=SAMPLES["churn"].read_text())
    inputs = [each["inputs"] for each in _churn()["golden"]]
    for golden, found in zip(_churn()["golden"], node.rows("explain", inputs), strict=True):
        expected = golden["expected"]
        if expected is None:
            assert found == []
            continue
        total = fsum(each["contribution"] for each in found)
        assert total == pytest.approx(log(expected / (1 - expected)), abs=1e-9)
        assert {each["input"]: each["value"] for each in found[1:]}.keys() == golden["inputs"].keys()


def test_a_worker_scores_many_rows(node: Node) -> None:
    node.ask("load", source=SAMPLES["churn"].read_text())
    golden = [each["inputs"] for each in _churn()["golden"]]
    many = [golden[n % len(golden)] for n in range(5000)]
    assert node.ask("many", rows=many) == node.rows("score", many)
    assert node.ask("many", rows=[]) == []
    wrong = [*many]
    wrong[4321] = {name: value for name, value in many[4321].items() if name != "state"}
    with pytest.raises(RefusedError, match=r'^row 4321: the row has no input "state"'):
        node.ask("many", rows=wrong)
    # It goes on, ends when it is told to, and starts once more.
    assert len(node.ask("many", rows=many[:3])) == 3
    node.ask("close")
    assert len(node.ask("many", rows=many[:3])) == 3


def test_rows_that_no_worker_can_be_given_disturb_no_others(node: Node) -> None:
    node.ask("open", document=_churn())
    rows = [each["inputs"] for each in _churn()["golden"][:5]]
    first, refused, then = node.ask("manyBeside", rows=rows)
    assert first == then == node.rows("score", rows)
    assert refused["refused"].startswith("rows from 0 on cannot be copied to the worker: ")


@pytest.mark.parametrize("module", ["file:///nowhere/pgscore.js", "nowhere"])
def test_a_worker_that_could_not_be_started_is_started_by_the_next_call(node: Node, module: str) -> None:
    node.ask("open", document=_churn())
    rows = [each["inputs"] for each in _churn()["golden"][:5]]
    assert node.ask("manyAfter", rows=rows, module=module) == node.rows("score", rows)


def test_a_worker_that_is_left_keeps_no_process() -> None:
    started = Node()
    started.ask("load", source=SAMPLES["churn"].read_text())
    assert len(started.ask("many", rows=[_churn()["golden"][0]["inputs"]])) == 1
    started.close()


def test_what_a_row_has_beside_the_inputs_does_not_matter(node: Node) -> None:
    node.ask("load", source=SAMPLES["churn"].read_text())
    row = _churn()["golden"][0]["inputs"]
    one, other = node.rows("score", [row, row | {"constructor": {}, "__proto__": 7}])
    assert one == other


def test_the_module_names_what_is_typed(node: Node) -> None:
    types = MODULE.with_name("pgscore.d.ts").read_text()
    for name in node.ask("exports"):
        assert f"export class {name} " in types or f"export function {name}(" in types
