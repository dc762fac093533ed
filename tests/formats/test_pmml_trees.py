"""Trees, ensembles and scorecards of PMML documents, against what jpmml-evaluator gives, and what is refused."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pgscore.errors import NotAProgramError
from pgscore.readers import read_program
from pgscore.readers.pmml import decisions, fields
from pgscore.readers.pmml.document import open_pmml
from pgscore_runtime.program import parse_program
from pgscore_runtime.reasons import Explainer

from tests.formats import fixtures, pmml_trees

if TYPE_CHECKING:
    from pathlib import Path

_DRAWN = fixtures.FOLDER / "pmml_drawn.json.gz"
_PATHS = [path for path in fixtures.paths("pmml") if path.name.startswith("trees_")]


@dataclass(frozen=True)
class Drawn:
    """A document that was drawn, with what is given for its rows."""

    name: str
    pmml: str
    rows: list[dict[str, str]]
    expected: list[dict[str, str] | None]


def _drawn() -> list[Drawn]:
    return [Drawn(**each) for each in json.loads(gzip.decompress(_DRAWN.read_bytes()))]


def _program(path: Path) -> dict[str, Any]:
    document = open_pmml(path.read_bytes())
    return read_program(document, fixtures.contract_of(document, "pmml")).program


def _refused(text: str) -> str:
    with pytest.raises(NotAProgramError) as caught:
        open_pmml(text.encode())
    return str(caught.value)


def test_all_kinds_of_documents_are_there() -> None:
    assert len(_PATHS) > 40


@pytest.mark.parametrize("kind", ["tree", "mining", "mixed", "scorecard", "chain"])
def test_a_document_that_is_drawn_gives_what_its_evaluator_gives(kind: str) -> None:
    chosen = [each for each in _drawn() if each.name.startswith(f"{kind}-")]
    read = 0
    for each in chosen:
        try:
            document = open_pmml(each.pmml.encode())
        except NotAProgramError:
            continue
        read += 1
        rows: list[dict[str, str | None]] = [{name: value or None for name, value in row.items()} for row in each.rows]
        names = ["label", *map(str, document.output.classes)] if document.output.classes else ["value"]
        expected: list[dict[str, str | None]] = [{**(row or dict.fromkeys(names))} for row in each.expected]
        fixtures.check(document, fixtures.Fixture(fixtures.FOLDER / each.name, rows, expected), "pmml")
    # What cannot be a program is no more than a part of them.
    assert read >= len(chosen) * 0.8


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("forest_classifier", ["trees"]),
        ("forest_isolation", ["trees"]),
        ("histogram_two", ["trees"]),
        ("xgboost_value", ["trees", "affine"]),
        ("lightgbm_value", ["trees"]),
    ],
)
def test_the_trees_of_a_sum_are_one_step(name: str, steps: list[str]) -> None:
    program = _program(fixtures.FOLDER / "pmml" / f"trees_{name}.pmml")
    assert [each["step"] for each in program["steps"]][: len(steps)] == steps
    assert sum(each["step"] == "trees" for each in program["steps"]) == 1


def test_what_every_tree_needs_is_needed_of_the_input() -> None:
    program = _program(fixtures.FOLDER / "pmml" / "trees_forest_classifier.pmml")
    assert [each["nullable"] for each in program["inputs"]] == [False, False]
    assert "require" not in program


def test_rows_that_came_to_a_node_are_its_cover() -> None:
    (trees,) = _program(fixtures.FOLDER / "pmml" / "trees_missing_none.pmml")["steps"]
    assert trees["cover"][0] == 100
    for node, left in enumerate(trees["left"]):
        if trees["feature"][node] >= 0:
            assert trees["cover"][node] == trees["cover"][left] + trees["cover"][trees["right"][node]]


def test_a_characteristic_of_one_field_is_a_term_of_a_sum_less_its_baseline() -> None:
    steps = _program(fixtures.FOLDER / "pmml" / "trees_scorecard.pmml")["steps"]
    total = steps[-1]
    assert total["step"] == "linear"
    assert total["center"] == [20.0, 5.0, 5.0]
    tables = [(each["keys"], each["values"], each["unknown"]) for each in steps if each["step"] == "lookup"]
    assert (["red"], [7.0], -3.0) in tables


def test_reasons_are_the_points_of_reason_codes() -> None:
    text = pmml_trees.documents()["scorecard"][0]
    text = text[: text.index('<Characteristic name="both"')] + "</Characteristics></Scorecard></PMML>"
    start, end = text.index("<Attribute><True/><Complex"), text.index("</ComplexPartialScore></Attribute>")
    text = text[:start] + '<Attribute partialScore="30"><True/>' + text[end + len("</ComplexPartialScore>") :]
    document = open_pmml(text.encode())
    program = parse_program(json.dumps(read_program(document, fixtures.contract_of(document, "pmml")).program))
    # The initial score and both baselines are the base, and a partial score less its baseline is what an input adds.
    assert Explainer(program, 0).reasons([0.5, 2.0], ["red"]) == [5.0, 0.0, 2.0, 125.0, 132.0]


def test_rows_without_a_prediction_leave_no_mark_in_reasons() -> None:
    document = open_pmml((fixtures.FOLDER / "pmml" / "trees_missing_nullprediction.pmml").read_bytes())
    program = parse_program(json.dumps(read_program(document, fixtures.contract_of(document, "pmml")).program))
    found = Explainer(program, 0).reasons([1.0, 2.0], ["red"])
    assert found is not None
    assert sum(found[:-1]) == pytest.approx(found[-1]) == 21


# What is refused, with its place.

_TREE = pmml_trees.documents()["missing_none"][0]
_SELECTED = pmml_trees.documents()["sum_continue"][0]


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        (
            'operator="lessOrEqual"',
            'operator="like"',
            r"SimplePredicate has the operator 'like', which is not supported",
        ),
        (
            'field="x" operator="lessOrEqual"',
            'field="t" operator="lessOrEqual"',
            "compares a categorical string by lessOrEqual",
        ),
        ('value="0.5"', 'value="many"', "compares a double with 'many', which is none"),
        ('value="0.5"', 'value="INF"', "no finite one"),
        ('score="11"', 'score="high"', r"Node\[1\]/Node\[1\] has the score 'high', which is no finite number"),
        ('missingValueStrategy="none"', 'missingValueStrategy="guess"', "missingValueStrategy 'guess'"),
        ("<True/>", "", "has no True or False or SimplePredicate"),
        ('<Array type="string">', '<Array type="string" n="5">', "has 2 members, and says that there are 5"),
        ('<Array type="string">', '<Array type="int">', "has the member 'red', which is no integer"),
        (
            "</Node></TreeModel>",
            '<Regression functionName="regression"/></Node></TreeModel>',
            "is a model within a node",
        ),
    ],
)
def test_a_tree_that_is_not_read_is_refused_with_its_place(was: str, becomes: str, message: str) -> None:
    with pytest.raises(NotAProgramError, match=message):
        open_pmml(_TREE.replace(was, becomes, 1).encode())


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        (
            'multipleModelMethod="sum"',
            'multipleModelMethod="selectAll"',
            "Segmentation has the multipleModelMethod 'selectAll'",
        ),
        ('multipleModelMethod="sum"', 'multipleModelMethod="x-stack"', "'x-stack', which is not supported"),
        ('multipleModelMethod="sum"', 'multipleModelMethod="majorityVote"', "'majorityVote' in a regression"),
        ('multipleModelMethod="sum"', 'multipleModelMethod="modelChain"', r"Segment\[1\] has a condition, in a chain"),
        ("<Segment>", '<Segment weight="-1">', "has a negative weight"),
        ("<Segment>", '<Segment><VariableWeight field="x"/>', "VariableWeight is not supported"),
        ('functionName="regression" noTrue', 'functionName="classification" noTrue', "has another functionName"),
    ],
)
def test_an_ensemble_that_is_not_read_is_refused_with_its_place(was: str, becomes: str, message: str) -> None:
    with pytest.raises(NotAProgramError, match=message):
        open_pmml(_SELECTED.replace(was, becomes, 1).encode())


def test_a_scorecard_without_a_baseline_is_refused() -> None:
    text = pmml_trees.documents()["scorecard"][0].replace('baselineScore="5"', "", 1)
    assert "Characteristic[2] has no baselineScore" in _refused(text)
    assert open_pmml(text.replace("<Scorecard ", '<Scorecard useReasonCodes="false" ').encode()).output.kind == "value"


def test_trees_that_grow_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "MOST_NODES", 5)
    assert "TreeModel takes more nodes than a program has room for" in _refused(_TREE)


def test_conditions_that_multiply_are_refused_in_time() -> None:
    fields_ = [f"f{n}" for n in range(40)]
    dictionary = "".join(f'<DataField name="{each}" optype="continuous" dataType="double"/>' for each in fields_)
    schema = "".join(f'<MiningField name="{each}"/>' for each in fields_)
    parts = "".join(f'<SimplePredicate field="{each}" operator="lessThan" value="1"/>' for each in fields_)
    test = f'<CompoundPredicate booleanOperator="xor">{parts}</CompoundPredicate>'
    text = (
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>'
        f'{dictionary}<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>'
        f'<TreeModel functionName="regression" missingValueStrategy="lastPrediction"><MiningSchema>{schema}'
        f'<MiningField name="y" usageType="target"/></MiningSchema><Node score="0"><True/><Node score="1">{test}</Node>'
        "</Node></TreeModel></PMML>"
    )
    assert "takes more nodes" in _refused(text)


def test_a_chain_of_tests_is_no_deeper_than_programs_are() -> None:
    children = "".join(
        f'<Node score="{n}"><SimplePredicate field="t" operator="equal" value="v{n}"/></Node>'
        for n in range(decisions.MOST_DEPTH + 2)
    )
    text = _TREE[: _TREE.index('<Node id="l"')] + children + "</Node></TreeModel></PMML>"
    assert "1,000 tests one after the other" in _refused(text)
