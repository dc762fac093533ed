"""A program as PMML: JPMML-Evaluator gives what the interpreter gives. One process of Java's serves all tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from pgscore.jpmml import java
from pgscore.writers.not_written import NotWrittenError
from pgscore.writers.pmml.judge import evaluate
from pgscore.writers.pmml.writer import write_pmml

from tests.program.strategies import FUNCTION_NAMES, LINKS, OF_ONE, programs, rows
from tests.support.examples import examples

from .written import EXTREMES, Rows, assert_given, contract_of, document, number, parsed, text, trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[..., int]

_NAMESPACE = "{http://www.dmg.org/PMML-4_4}"
# What PMML cannot say; each has a test of its own.
_NOT_SAID = ("knows no value", "which XML cannot hold", "is a weighted median")


@pytest.fixture(scope="module")
def backend() -> Iterator[Any]:
    with java() as backend:
        yield backend


@pytest.fixture
def check(backend: Any, tmp_path: Path) -> Check:  # noqa: ANN401
    def checked(found: dict[str, Any], table: Rows) -> int:
        path = tmp_path / "model.pmml"
        path.write_bytes(_written(found))
        program = parsed(found)
        return assert_given(found, table, evaluate(backend, path, program, contract_of(program), table))

    return checked


def _written(found: dict[str, Any]) -> bytes:
    program = parsed(found)
    return write_pmml(program, contract_of(program), name="drawn", metadata={"pgscore.model": "drawn"})


def _drawn(count: int) -> list[tuple[dict[str, Any], Rows]]:
    """Programs with rows, the same ones in each run."""
    found: list[tuple[dict[str, Any], Rows]] = []

    @seed(4)
    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        program = data.draw(programs())
        try:
            _written(program)
        except NotWrittenError as error:
            assume(not any(each in error.why for each in _NOT_SAID))
            raise
        found.append((program, [data.draw(rows(program)) for _ in range(6)]))

    draw()
    return found


def test_programs_of_all_kinds(check: Check) -> None:
    drawn = _drawn(examples(40))
    # Of six rows each; how many of them have numbers depends on what is drawn.
    assert sum(check(found, table) for found, table in drawn) > len(drawn) // 2


def test_functions_where_they_end(check: Check) -> None:
    for name in FUNCTION_NAMES:
        function = {"step": "function", "of": 0, "name": name}
        # What is missing then is not the end of the row.
        fill = {"step": "fill", "of": 1, "with": 77}
        table: Rows = [[value] for value in EXTREMES]
        assert check(document([number("x")], [function], [1]), table) == len(EXTREMES)
        assert check(document([number("x")], [function, fill], [2]), table) == len(EXTREMES)


def test_links_of_what_is_missing_infinite_and_alike(check: Check) -> None:
    values = [None, 0.0, 1.0, -700.0, float("inf"), -float("inf")]
    table: Rows = [[a, b, c] for a in values for b in values for c in values]
    inputs = [number("a"), number("b"), number("c")]
    for link in LINKS:
        scores = [0] if link in OF_ONE else [0, 1, 2]
        check(document(inputs, [], scores, link), table)
        # As a step, where what is missing is not the end of the row.
        step = {"step": "link", "of": scores, "link": link}
        check(document(inputs, [step, {"step": "fill", "of": 3, "with": 7}], [3 + _outputs(link, len(scores))]), table)


def _outputs(link: str, count: int) -> int:
    return {"logistic": 2, "sign": 2}.get(link, count)


def test_texts_are_told_apart_by_all_their_characters(check: Check) -> None:
    keys = sorted(["", " ", "a", "A", "a ", "new\nline", "\r", "\t", "ü", "𝄞", 'say "x"', "back\\slash", '\\"', "<&>"])
    lookup = {"step": "lookup", "of": 0, "keys": keys, "values": list(range(14)), "unknown": -1, "missing": -2}
    nothing = {**lookup, "values": [None, *range(1, 14)], "missing": None}
    fill = {"step": "fill", "of": 0, "with": " "}
    tree = trees([0, 3], [(0, keys[:7], 1, 1, 2), 1.0, (1, sorted({"a", *keys[7:]}), 0, 3, 4), 2.0, 3.0])
    linear = {"step": "linear", "of": [1, 4], "weights": [1, 100], "intercept": 0.5}
    table: Rows = [[key] for key in [*keys, "b", "zzz", None, "a\u0301"]]
    name = 'a "name" <&>\n\t'
    assert check(document([text(name)], [lookup, nothing, fill, tree, linear], [5]), table) == len(table)
    assert check(document([text(name)], [nothing], [1]), table) == len(table)
    # Each member of a set by itself, as an array has its own signs for texts.
    for key in keys:
        check(document([text(name)], [trees([0], [(0, [key], 0, 1, 2), 1.0, 2.0])], [1], "logistic"), table)


def test_zeros_have_no_sign(check: Check) -> None:
    table: Rows = [[0.0], [-0.0], [1.0], [-1.0], [None]]
    for given_domain in ({"minimum": 0}, {"maximum": 0}, {"known": [0, 1]}):
        assert check(document([number("x", **given_domain)], [], [0]), table) >= 3
    tree = trees([0], [(0, 0.0, 0, 1, 2), 1.0, (0, [0.0, 1.0], 0, 3, 4), 2.0, 3.0])
    negative = {"step": "affine", "of": 0, "multiply": -1.0}
    assert check(document([number("x")], [tree], [1]), table) == 5
    lookup = {"step": "lookup", "of": 1, "keys": [0.0], "values": [5.0], "unknown": 6.0, "missing": 7.0}
    assert check(document([number("x")], [negative, lookup], [2]), table) == 5


def test_a_row_is_refused_although_its_trees_do_not_look(check: Check) -> None:
    """Evaluators look at nothing that they need not."""
    inputs = [
        number("x"),
        number("y", nullable=False),
        number("z", minimum=0, maximum=1),
        {"name": "b", "type": "boolean", "nullable": False, "known": [1]},
    ]
    tree = trees([0, 1], [(0, 0.0, 1, 1, 2), 1.0, (1, 0.5, 0, 3, 4), 2.0, 3.0])
    found = document(inputs, [tree], [4], "logistic", require=[{"of": 1, "nullable": False, "maximum": 9}])
    table: Rows = [
        [-1, 1, 0.5, 1],
        [-1, None, 0.5, 1],
        [-1, 1, 2, 1],
        [-1, 1, None, 1],
        [-1, 10, 0.5, 1],
        [-1, 1, 1, 0],
    ]
    assert check(found, table) == 2


def test_trees_behind_trees(check: Check) -> None:
    first = trees([0], [(0, 0.0, 1, 1, 2), 1.0, 2.0], base=[0.5, 0.0], target=[-1], divide=2)
    first["values"], first["left"] = [1.0, 5.0, 2.0, 7.0], [1, 0, 2]
    linear = {"step": "linear", "of": [1, 2], "weights": [1, 1], "intercept": 0.25}
    second = trees([3, 0], [(0, 4.0, 0, 1, 2), 10.0, (1, [1.0], 0, 3, 4), 20.0, 30.0])
    found = document([number("x")], [first, linear, second], [4, 3], "softmax")
    assert check(found, [[-1.0], [1.0], [2.0], [None]]) == 4


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"step": "median", "of": [0], "weights": [1]}, r"steps\[0\] of the program is a weighted median"),
        (
            {"step": "lookup", "of": 1, "keys": ["\x01"], "values": [1], "unknown": 0, "missing": 0},
            r"steps\[0\].keys of the program has the character U\+0001",
        ),
        (trees([1], [(0, ["\ufffe"], 0, 1, 2), 1.0, 2.0]), r"steps\[0\].sets\[0\] .* U\+FFFE"),
    ],
)
def test_what_pmml_cannot_say_is_refused_with_its_place(step: dict[str, Any], said: str) -> None:
    with pytest.raises(NotWrittenError, match=said):
        _written(document([number("x"), text("t")], [step], [2]))


def test_an_input_that_knows_nothing_is_refused() -> None:
    with pytest.raises(NotWrittenError, match=r"inputs\[0\].known of the program knows no value"):
        _written(document([number("x", known=[3], maximum=2)], [], [0]))


def test_a_linear_model_is_one_regression_model() -> None:
    inputs = [number("x", nullable=False, maximum=9), text("t", known=["a", "b"])]
    lookup = {"step": "lookup", "of": 1, "keys": ["a"], "values": [0.5], "unknown": 0, "missing": 0}
    linear = {"step": "linear", "of": [0, 2], "weights": [0.1, 1], "intercept": -0.5}
    root = ElementTree.fromstring(_written(document(inputs, [lookup, linear], [3], "logistic")))  # noqa: S314  our own
    model = root.find(f"{_NAMESPACE}RegressionModel")
    assert model is not None
    assert (model.get("functionName"), model.get("normalizationMethod")) == ("classification", "softmax")
    tables = model.findall(f"{_NAMESPACE}RegressionTable")
    assert [(each.get("targetCategory"), each.get("intercept")) for each in tables] == [
        ("class 0", "0.0"),
        ("class 1", "-0.5"),
    ]
    assert [(each.get("name"), each.get("coefficient")) for each in tables[1]] == [("x", "0.1"), ("r2", "1.0")]
    assert len(root.findall(f".//{_NAMESPACE}DerivedField")) == 1


@pytest.mark.parametrize("tie", ["first", "last"])
@pytest.mark.parametrize("link", ["logistic", "softmax", "normalize"])
def test_labels_of_equal_outputs(backend: Any, tmp_path: Path, tie: str, link: str) -> None:  # noqa: ANN401
    scores = [0] if link == "logistic" else [0, 1]
    found = document([number("a"), number("b")], [], scores, link, tie=tie)
    path = tmp_path / "model.pmml"
    path.write_bytes(_written(found))
    program = parsed(found)
    table: Rows = [[0.0, 0.0], [3.0, 0.0], [None, 1.0]]
    labels = evaluate(backend, path, program, contract_of(program), table).labels
    assert labels == [
        "class 0" if tie == "first" else "class 1",
        "class 1" if link == "logistic" else "class 0",
        None,
    ]


@pytest.mark.parametrize("classes", [(3, 7), (False, True), (0.5, 1.5), (1, 2.5)])
@pytest.mark.parametrize("link", ["logistic", "sign"])
def test_labels_are_of_the_type_of_the_classes(
    backend: Any,  # noqa: ANN401
    tmp_path: Path,
    classes: tuple[Any, ...],
    link: str,
) -> None:
    program = parsed(document([number("x")], [], [0], link))
    contract = contract_of(program)
    contract = replace(contract, output=replace(contract.output, classes=classes))
    path = tmp_path / "model.pmml"
    path.write_bytes(write_pmml(program, contract, name="labels", metadata={}))
    assert evaluate(backend, path, program, contract, [[-1.0], [1.0]]).labels == list(classes)
    contract = replace(contract, output=replace(contract.output, classes=("yes", 1)))
    with pytest.raises(NotWrittenError, match=r"output.classes of the program has labels of several types"):
        write_pmml(program, contract, name="labels", metadata={})
