"""An ONNX graph with the face of an estimator: what its inputs and outputs are, and what is refused of its bytes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pandas as pd
import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from pgscore_runtime import onnx_outline
from pgscore_runtime.artifact import read_artifact
from pgscore_runtime.errors import Refusal
from pgscore_runtime.onnx_file import OnnxFile
from pgscore_runtime.onnx_outline import outline

from tests.support import graphs

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, -3.0]])
_NET = graphs.net(3)
_IDENTITY = [helper.make_node("Identity", ["x"], ["y"])]


def _made(nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], **tensors: Any) -> bytes:  # noqa: ANN401
    return bytes(graphs.model(nodes, inputs, outputs, tensors).SerializeToString())


def _classifier(*, texts: bool, maps: bool, named: bool = True) -> bytes:
    labels = {"classlabels_strings": ["no", "yes"]} if texts else {"classlabels_int64s": [3, 7]}
    of_classifier = {"classlabels_strings": ["no", "yes"]} if texts else {"classlabels_ints": [3, 7]}
    kind = TensorProto.STRING if texts else TensorProto.INT64
    nodes = [
        helper.make_node(
            "LinearClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", coefficients=[-1.0, 0, 0, 1.0, 0, 0],
            intercepts=[0.0, 0.0], post_transform="SOFTMAX", **of_classifier,
        )
    ]  # fmt: skip
    outputs = [helper.make_tensor_value_info("label", kind, [None])]
    if maps:
        nodes.append(helper.make_node("ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", **labels))
        value = helper.make_map_type_proto(kind, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        outputs.append(helper.make_value_info("maps", helper.make_sequence_type_proto(value)))
    else:
        outputs.append(graphs.numbers("scores", 2))
    return _made(nodes, [graphs.numbers("x", 3)], outputs if named else outputs[1:])


@pytest.mark.parametrize("maps", [True, False])
@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_classes_are_those_of_the_graph(texts: bool, maps: bool, named: bool) -> None:
    file = OnnxFile(_classifier(texts=texts, maps=maps, named=named))
    assert file.classes_.tolist() == (["no", "yes"] if texts else [3, 7])
    probabilities = file.predict_proba(_ROWS)
    assert probabilities[:, 1] == pytest.approx(1 / (1 + np.exp(-2 * _ROWS[:, 0])), abs=1e-6)
    assert file.predict(_ROWS).tolist() == [file.classes_[1]] * 2
    assert file.n_features_in_ == 3
    assert not hasattr(file, "feature_names_in_")
    # It is handed to processes and copies as what it was read from.
    again = pickle.loads(pickle.dumps(file))
    assert again.predict_proba(_ROWS).tolist() == probabilities.tolist()


def test_a_label_alone_is_what_its_node_says_it_is() -> None:
    content = _classifier(texts=True, maps=False)
    file = OnnxFile(content, "label")
    assert file.classes_.tolist() == ["no", "yes"]
    assert not hasattr(file, "predict_proba")
    assert OnnxFile(content, "scores").predict_proba(_ROWS).shape == (2, 2)
    taken = _made(
        [
            helper.make_node("ArgMax", ["x"], ["place"], axis=1, keepdims=0),
            helper.make_node("ArrayFeatureExtractor", ["labels", "place"], ["several"], domain="ai.onnx.ml"),
            helper.make_node("Reshape", ["several", "flat"], ["y"]),
        ],
        [graphs.numbers("x", 3)],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [None])],
        labels=np.array([10, 20, -30], dtype=np.int64),
        flat=np.array([-1], dtype=np.int64),
    )
    assert OnnxFile(taken).classes_.tolist() == [10, 20, -30]
    assert OnnxFile(taken).predict(_ROWS).tolist() == [-30, 10]


def test_softmax_is_of_classes_and_one_number_is_a_value() -> None:
    file = OnnxFile(graphs.net(3, last="Softmax", classes=4))
    assert file.classes_.tolist() == [0, 1, 2, 3]
    assert file.predict(_ROWS).tolist() == np.argmax(file.predict_proba(_ROWS), axis=1).tolist()
    value = OnnxFile(graphs.net(3, last="Sigmoid"))
    assert not hasattr(value, "classes_")
    assert value.predict(_ROWS).shape == (2,)
    assert value.predict(np.empty((0, 3))).shape == (0,)


def test_inputs_of_one_column_each_have_names_and_a_frame_is_taken_by_them() -> None:
    nodes = [helper.make_node("Sub", ["a", "b"], ["y"])]
    content = _made(nodes, [graphs.numbers("a"), graphs.numbers("b")], [graphs.numbers("y")])
    file = OnnxFile(content)
    assert file.feature_names_in_.tolist() == ["a", "b"]
    assert file.predict(pd.DataFrame({"b": [1.0, 2.0], "a": [5.0, 5.0]})).tolist() == [4.0, 3.0]
    assert file.predict(np.array([[1.0, 2.0]])).tolist() == [-1.0]
    assert file.predict(np.array([[True, 0.5]], dtype=object)).tolist() == [0.5]
    with pytest.raises(ValueError, match="takes 2 columns, and 3 were given"):
        file.predict(_ROWS)
    with pytest.raises(ValueError, match="input 'a' takes a number, and a text is none"):
        file.predict(np.array([["1", 2.0]], dtype=object))


@pytest.mark.parametrize(
    ("kind", "given_value", "found"),
    [
        (TensorProto.INT64, 2.9, 2), (TensorProto.INT64, -2.9, -2), (TensorProto.INT64, float(2**62), 2**62),
        (TensorProto.INT64, float(2**63), None), (TensorProto.INT64, -float(2**63), -(2**63)),
        (TensorProto.INT64, np.nan, None), (TensorProto.INT64, np.inf, None), (TensorProto.INT32, 2.0**31, None),
        (TensorProto.INT32, 2.0**31 - 0.5, 2**31 - 1), (TensorProto.BOOL, np.nan, None), (TensorProto.BOOL, 1.0, 1),
    ],
)  # fmt: skip
def test_numbers_are_cast_as_numpy_does_and_only_where_that_means_something(
    kind: int, given_value: float, found: int | None
) -> None:
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.DOUBLE)]
    file = OnnxFile(_made(nodes, [graphs.numbers("x", kind=kind)], [graphs.numbers("y", kind=TensorProto.DOUBLE)]))
    if found is None:
        with pytest.raises(ValueError, match="input 'x' takes"):
            file.predict(np.array([[given_value]]))
    else:
        assert file.predict(np.array([[given_value]])).tolist() == [float(found)]


def test_singles_are_rounded_and_what_is_past_them_is_infinite() -> None:
    file = OnnxFile(_made(_IDENTITY, [graphs.numbers("x")], [graphs.numbers("y")]))
    found = file.predict(np.array([[0.1], [1e39], [-1e39], [np.nan], [5e-324]])).tolist()
    assert found[:3] == [float(np.float32(0.1)), np.inf, -np.inf]
    assert (np.isnan(found[3]), found[4]) == (True, 0.0)


def _value(name: str, shape: Sequence[Any], kind: int = TensorProto.FLOAT) -> Any:  # noqa: ANN401
    return helper.make_tensor_value_info(name, kind, shape)


_MISFITS: dict[str, tuple[list[Any], list[Any], str]] = {
    "fixed rows": ([_value("x", [1, 3])], [_value("y", [1, 3])], "input 'x' of the graph takes 1 rows at a time"),
    "unknown columns": (
        [_value("x", [None, None])], [_value("y", [None, None])], "input 'x' of the graph does not say how many columns"
    ),
    "an image": (
        [_value("x", [None, 3, 8, 8])], [_value("y", [None, 3, 8, 8])], "input 'x' of the graph has 4 dimensions"
    ),
    "several numbers": (
        [_value("x", [None, 3])], [_value("y", [None, 3])], "output 'y' gives 3 numbers for each row, and not by"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", _MISFITS)
def test_what_takes_or_gives_no_rows_of_a_table_is_refused(what: str) -> None:
    inputs, outputs, sentence = _MISFITS[what]
    with pytest.raises(Refusal) as caught:
        OnnxFile(_made(_IDENTITY, inputs, outputs))
    assert sentence in caught.value.message


def test_of_several_outputs_one_is_chosen() -> None:
    nodes = [*_IDENTITY, helper.make_node("Neg", ["x"], ["z"])]
    content = _made(nodes, [graphs.numbers("x")], [graphs.numbers("y"), graphs.numbers("z")])
    with pytest.raises(Refusal) as caught:
        OnnxFile(content)
    assert (caught.value.message, caught.value.hint) == (
        "the graph has 2 outputs, 'y', 'z', and a score is one of them", "Choose it with --output."
    )  # fmt: skip
    assert OnnxFile(content, "z").predict(np.array([[2.0]])).tolist() == [-2.0]
    with pytest.raises(Refusal, match="the graph has no output 'w'"):
        OnnxFile(content, "w")


@pytest.mark.parametrize("cut", [0, 1, len(_NET) // 3, len(_NET) // 2, len(_NET) - 1])
def test_a_file_that_is_cut_short_is_refused_in_a_sentence(cut: int) -> None:
    with pytest.raises(Refusal, match=r"is no ONNX file, or is cut short|holds no graphs"):
        OnnxFile(_NET[:cut])


def test_another_file_is_refused_in_a_sentence(tmp_path: Any) -> None:  # noqa: ANN401
    for content in (pickle.dumps([1]), b"<PMML/>", b"PK\x03\x04", b"tree\nversion=v4\n", bytes(100)):
        with pytest.raises(Refusal) as caught:
            OnnxFile(content)
        assert "\n" not in caught.value.message
    # onnxruntime takes its own format by the bytes behind the first four.
    with pytest.raises(Refusal, match="onnxruntime's own format"):
        OnnxFile(b"\x0a\x02xxORTM" + _NET)
    assert os.listdir(tmp_path) == []


def test_without_onnxruntime_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(Refusal) as caught:
        OnnxFile(_NET)
    assert caught.value.message.startswith("this Python has no onnxruntime, which evaluates the graph")
    assert caught.value.hint == "Install docker/requirements-onnx.txt with --no-deps."


def test_onnxruntime_tells_nobody_what_it_loads_and_starts_no_thread() -> None:
    # Where it is on, it starts a thread when it is imported.
    script = "import os, sys; from pgscore_runtime.onnx_file import OnnxFile; file = OnnxFile(sys.stdin.buffer.read());"
    script += "print(len(os.listdir('/proc/self/task')))"
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "CI"))}
    done = subprocess.run(
        [sys.executable, "-c", script], input=_NET, capture_output=True, check=True, env={**environment, **threads}
    )
    assert done.stdout == b"1\n"


@pytest.mark.parametrize("kind", ["pmml", "mojo", "parquet", ""])
def test_a_format_that_is_not_called_is_not_read_as_another(kind: str, tmp_path: Any) -> None:  # noqa: ANN401
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps([1]))
    with path.open("rb") as file, pytest.raises(Refusal, match=r"is never called itself|is not known here"):
        read_artifact(file, kind)


def test_limits_are_held_before_onnxruntime_sees_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load_from_string(_NET)
    deep = helper.make_node("Identity", ["x"], ["y"])
    for _ in range(6):
        graph = helper.make_graph([deep], "inner", [], [])
        deep = helper.make_node("If", ["c"], ["y"], then_branch=graph, else_branch=graph)
    model.graph.node.append(deep)
    with pytest.raises(Refusal, match="more than 4 deep"):
        outline(model.SerializeToString())
    type_of = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    for _ in range(20):
        type_of = helper.make_sequence_type_proto(type_of)
    model = onnx.load_from_string(_NET)
    model.graph.value_info.append(helper.make_value_info("deep", type_of))
    with pytest.raises(Refusal, match="types of types"):
        outline(model.SerializeToString())
    monkeypatch.setattr(onnx_outline, "_MOST_NODES", 3)
    with pytest.raises(Refusal, match="more than 3 nodes"):
        outline(_NET)
    monkeypatch.setattr(onnx_outline, "LARGEST", 100)
    with pytest.raises(Refusal, match=r"bytes, and 100 are accepted at most"):
        outline(_NET)


def test_a_number_of_a_field_has_one_way_to_be_written() -> None:
    # protobuf drops what is past 32 bits: to it this is a tensor of the graph, and to whom reads all of it it is not.
    hidden = b"\x82\x80\x80\x80\x10\x00" + _NET
    with pytest.raises(Refusal, match="is no ONNX file"):
        outline(hidden)
    # A place of a tensor that is 1 to protobuf, which drops the same, is not 0.
    tensor = TensorProto(name="held", data_type=TensorProto.FLOAT, dims=[1]).SerializeToString()
    tensor += b"\x70\x81\x80\x80\x80\x10"
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    with pytest.raises(Refusal, match="stands in another file"):
        outline(b"\x3a" + bytes([len(graph)]) + graph)
    assert TensorProto.FromString(tensor).data_location == TensorProto.EXTERNAL


def test_a_tensor_in_another_file_is_found_wherever_it_stands() -> None:
    external = TensorProto(name="held", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    inner = helper.make_graph([], "inner", [], [], [external])
    places = [
        helper.make_node("Constant", [], ["c"], value=external),
        helper.make_node("If", ["c"], ["c"], then_branch=inner, else_branch=inner),
        helper.make_node("If", ["c"], ["c"], then_branch=helper.make_graph(
            [helper.make_node("Constant", [], ["c"], value=external)], "inner", [], []
        )),
    ]  # fmt: skip
    several = helper.make_node("Constant", [], ["c"])
    attribute = several.attribute.add()
    attribute.name, attribute.type = "values", onnx.AttributeProto.TENSORS
    attribute.tensors.append(external)
    for node in [*places, several]:
        with pytest.raises(Refusal, match="stands in another file"):
            outline(_made([*_IDENTITY, node], [graphs.numbers("x")], [graphs.numbers("y")]))
    sparse = onnx.SparseTensorProto(values=external, indices=external, dims=[4])
    model = onnx.load_from_string(_NET)
    model.graph.sparse_initializer.append(sparse)
    with pytest.raises(Refusal, match="holds a sparse tensor"):
        outline(model.SerializeToString())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bytes_that_are_changed_are_refused_in_a_sentence_or_read(data: st.DataObject) -> None:
    content = bytearray(_NET)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        found = outline(bytes(content))
        # What it has accepted is what protobuf reads, if that takes it.
        read = onnx.load_from_string(bytes(content))
    except (Refusal, DecodeError):
        return
    assert [node.operator for node in found.nodes] == [node.op_type for node in read.graph.node]
    assert [[*node.inputs, *node.outputs] for node in found.nodes] == [
        [*node.input, *node.output] for node in read.graph.node
    ]
    assert set(found.tensors) == {each.name for each in read.graph.initializer}
    assert all(each.data_location == TensorProto.DEFAULT for each in read.graph.initializer)
    assert all(node.domain in ("", "ai.onnx", "ai.onnx.ml") for node in read.graph.node)
