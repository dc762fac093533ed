"""A program as ONNX: ONNX Runtime gives what the interpreter gives, for any program and any row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import onnx
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pgscore.writers.not_written import NotWrittenError
from pgscore.writers.onnx.judge import Judge, has
from pgscore.writers.onnx.writer import notes, write_onnx

from tests.program.strategies import FUNCTION_NAMES, LINKS, OF_CLASSES, OF_ONE, programs, rows
from tests.support.examples import examples

from .written import EXTREMES, Rows, assert_given, contract_of, document, number, parsed, text, trees

_fuzz = settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))


def _graph(found: dict[str, Any]) -> Any:  # noqa: ANN401
    program = parsed(found)
    return write_onnx(program, contract_of(program), name="drawn", metadata={"pgscore.model": "drawn"})


def _check(found: dict[str, Any], table: Rows, *, exact: bool = False) -> int:
    program = parsed(found)
    content = _graph(found).SerializeToString()
    table = [row for row in table if all(map(has, program.inputs, row))]
    return assert_given(found, table, Judge(content, program).outputs(table), exact=exact) if table else 0


@_fuzz
@given(data=st.data())
def test_programs_of_all_kinds(data: st.DataObject) -> None:
    found = data.draw(programs())
    table = [data.draw(rows(found)) for _ in range(8)]
    try:
        _check(found, table)
    except NotWrittenError as error:
        assume("knows the empty text" not in error.why)
        raise


@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_functions_where_they_end(name: str) -> None:
    found = document([number("x")], [{"step": "function", "of": 0, "name": name}], [1])
    assert _check(found, [[value] for value in EXTREMES]) == len(EXTREMES)


@pytest.mark.parametrize("link", LINKS)
def test_links_of_what_is_missing_infinite_and_alike(link: str) -> None:
    count = 1 if link in OF_ONE else 3
    assert link in OF_ONE or link in OF_CLASSES or count == 3
    values = [None, 0.0, 1.0, -700.0, float("inf"), -float("inf")]
    table = [[a, b, c] for a in values for b in values for c in values]
    _check(document([number("a"), number("b"), number("c")], [], list(range(count)), link), table)
    # As a step, where what follows jumps.
    step = {"step": "link", "of": list(range(count)), "link": link}
    filled = {"step": "fill", "of": 3, "with": 7}
    _check(document([number("a"), number("b"), number("c")], [step, filled], [3 + _outputs(link, count)]), table)


def _outputs(link: str, count: int) -> int:
    return {"logistic": 2, "sign": 2}.get(link, count)


def test_texts_are_told_apart_by_all_their_characters() -> None:
    keys = sorted([" ", "a", "A", "a ", "new\nline", "\r", "ü", "𝄞", 'say "x"', "back\\slash"])
    lookup = {"step": "lookup", "of": 0, "keys": keys, "values": list(range(10)), "unknown": -1, "missing": -2}
    nothing = {**lookup, "values": [None, *range(1, 10)], "unknown": None, "missing": None}
    fill = {"step": "fill", "of": 0, "with": "a"}
    tree = trees([0, 3], [(0, keys[:4], 1, 1, 2), 1.0, (1, ["a", "b"], 0, 3, 4), 2.0, 3.0])
    linear = {"step": "linear", "of": [1, 4], "weights": [1, 100], "intercept": 0.5}
    table: Rows = [[key] for key in [*keys, "b", "zzz", None, "a\u0301"]]
    assert _check(document([text("t")], [lookup, nothing, fill, tree, linear], [5]), table, exact=True) == len(table)
    assert _check(document([text("t")], [nothing], [1]), table, exact=True) == len(table)


def test_the_empty_text_is_a_missing_one_where_there_may_be_one() -> None:
    lookup = {"step": "lookup", "of": 0, "keys": ["", "a"], "values": [1, 2], "unknown": 3, "missing": 4}
    found = document([text("t")], [lookup], [1])
    with pytest.raises(NotWrittenError, match=r"steps\[0\].keys of the program knows the empty text"):
        _graph(found)
    found = document([text("t", nullable=False)], [lookup], [1])
    assert _check(found, [[""], ["a"], ["b"]], exact=True) == 3
    found = document([text("t")], [{**lookup, "keys": ["a", "b"]}], [1])
    content = _graph(found).SerializeToString()
    assert Judge(content, parsed(found)).outputs([[""], [None], ["a"]]).numbers == [[4.0], [4.0], [1.0]]
    assert notes(parsed(found)) == ["ONNX has no NULL: where it is missing, the empty text is given for t."]


def test_thresholds_are_doubles_and_sums_are_in_the_order_of_trees() -> None:
    """A float of four bytes would take either side, and lose the small ones of these leaves."""
    first = trees([0], [(0, 0.1, 0, 1, 2), 1e16, -1e16])
    second = {**first, "roots": [0, 3], "target": [0, 0]}
    second |= {name: first[name] * 2 for name in ("feature", "threshold", "set", "missing_left")}
    second |= {"left": [1, 0, 1, 4, 2, 3], "right": [2, -1, -1, 5, -1, -1], "values": [1e16, -1e16, 0.3, 0.7]}
    found = document([number("x")], [{**second, "base": [0.1]}], [1])
    table: Rows = [[0.1], [0.10000000000000002], [0.09999999999999999], [None], [float("inf")]]
    assert _check(found, table, exact=True) == 5


def test_the_last_bits_are_those_of_the_program_where_something_jumps_behind_them() -> None:
    linear = {"step": "linear", "of": [0, 1, 2], "weights": [0.1, 0.2, 0.3], "intercept": 0.1}
    value = 0.1 + 0.1 * 0.7 + 0.2 * 0.1 + 0.3 * 0.9
    tree = trees([3], [(0, value, 0, 1, 2), 1.0, 2.0])
    inputs = [number("a"), number("b"), number("c")]
    assert _check(document(inputs, [linear, tree], [4]), [[0.7, 0.1, 0.9]], exact=True) == 1
    kinds = {each.op_type for each in _graph(document(inputs, [linear, tree], [4])).graph.node}
    assert "MatMul" not in kinds
    # And a product of matrices where nothing does.
    assert "MatMul" in {each.op_type for each in _graph(document(inputs, [linear], [3], "logistic")).graph.node}


def test_a_layer_is_one_product() -> None:
    inputs = [number(f"x{n}", nullable=False) for n in range(4)]
    layer = [{"step": "linear", "of": [0, 1, 2, 3], "weights": [n, 1, 2, 0.5 * n], "intercept": n} for n in range(1, 6)]
    relus = [{"step": "function", "of": 4 + n, "name": "relu"} for n in range(5)]
    last = {"step": "linear", "of": list(range(9, 14)), "weights": [1, -1, 1, -1, 0.3], "intercept": 0.2}
    found = document(inputs, [*layer, *relus, last], [14], "logistic")
    assert sum(each.op_type == "MatMul" for each in _graph(found).graph.node) == 2
    assert _check(found, [[0.1, -3, 2, 8], [-1, -1, -1, -1], [None, 1, 1, 1]]) == 2


@pytest.mark.parametrize("tie", ["first", "last"])
def test_labels_of_equal_outputs(tie: str) -> None:
    found = document([number("a"), number("b")], [], [0, 1], "softmax", tie=tie)
    content = _graph(found).SerializeToString()
    labels = Judge(content, parsed(found)).outputs([[1, 1], [2, 1], [1, 2], [None, 1]]).labels
    assert labels == ["class 0" if tie == "first" else "class 1", "class 0", "class 1", ""]


def test_names_and_types_of_inputs_and_outputs() -> None:
    inputs = [number("label"), text("probabilities"), {"name": "b", "type": "boolean", "nullable": False}]
    inputs.append({"name": "maybe", "type": "boolean", "nullable": True})
    made = _graph(document(inputs, [{"step": "fill", "of": 0, "with": 1}], [4], "logistic"))
    onnx.checker.check_model(made, full_check=True)
    kinds = {each.name: each.type.tensor_type.elem_type for each in [*made.graph.input, *made.graph.output]}
    double, string, boolean = (onnx.TensorProto.DOUBLE, onnx.TensorProto.STRING, onnx.TensorProto.BOOL)
    assert kinds == {
        "label": double, "probabilities": string, "b": boolean, "maybe": double, "label_": string,
        "probabilities_": double,
    }  # fmt: skip
    assert {each.domain: each.version for each in made.opset_import} == {"": 15, "ai.onnx.ml": 4}
    assert made.ir_version == 9
    assert {each.key: each.value for each in made.metadata_props} == {"pgscore.model": "drawn"}


def test_no_more_is_written_than_the_scores_need() -> None:
    inputs = [number("x"), number("y")]
    steps = [{"step": "function", "of": 0, "name": "exp"}, {"step": "function", "of": 1, "name": "sin"}]
    kinds = {each.op_type for each in _graph(document(inputs, steps, [2])).graph.node}
    assert kinds == {"Exp", "Identity"}


def test_missing_values_go_where_the_node_says() -> None:
    for side in (0, 1):
        tree = trees([0, 1], [(0, 0.5, side, 1, 2), 1.0, (1, ["a"], 1 - side, 3, 4), 2.0, 3.0])
        table: Rows = [[x, t] for x in (None, 0.5, 0.6) for t in (None, "a", "b")]
        assert _check(document([number("x"), text("t")], [tree], [2]), table, exact=True) == 9


def test_pieces_of_different_degrees_where_the_ends_are_infinite() -> None:
    for closed in ("left", "right"):
        step = {"step": "piecewise", "of": 0, "knots": [0.0, 1.0, 2.0], "closed": closed, "missing": 9.0}
        step["coefficients"] = [[1.5], [2.0, 0.1, 0.3], None, [4.0]]
        table: Rows = [[x] for x in (None, -float("inf"), -1.0, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, float("inf"))]
        assert _check(document([number("x")], [step], [1]), table, exact=True) == len(table)


def test_medians_of_what_is_missing_and_alike() -> None:
    step = {"step": "median", "of": [0, 1, 2], "weights": [1, 2, 0.5]}
    values = [None, 1.0, 2.0, float("inf"), -float("inf")]
    table: Rows = [[a, b, c] for a in values for b in values for c in values]
    inputs = [number("a"), number("b"), number("c")]
    assert _check(document(inputs, [step], [3]), table, exact=True) == len(table)


@pytest.mark.parametrize("classes", [(3, 7), (False, True), (0.5, 1.5), (1, 2.5)])
def test_labels_are_of_the_type_of_the_classes(classes: tuple[Any, ...]) -> None:
    program = parsed(document([number("x")], [], [0], "logistic"))
    contract = contract_of(program)
    contract = replace(contract, output=replace(contract.output, classes=classes))
    content = write_onnx(program, contract, name="labels", metadata={}).SerializeToString()
    assert Judge(content, program).outputs([[-1.0], [1.0]]).labels == list(classes)
    contract = replace(contract, output=replace(contract.output, classes=("yes", 1)))
    with pytest.raises(NotWrittenError, match=r"output.classes of the program has labels of several types"):
        write_onnx(program, contract, name="labels", metadata={})
