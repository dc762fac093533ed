"""Small ONNX graphs, made here, and their publication without the command: what the onnx engine is tried with."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from pgscore_runtime.contract import Contract, Input, Output, parse_contract
from pgscore_runtime.estimator import ServedEstimator
from pgscore_runtime.onnx_file import OnnxFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.database import Session

ALLOW = "insert into pgscore_trusted.allowed_engine (engine) values ('onnx') on conflict do nothing"
FORBID = "delete from pgscore_trusted.allowed_engine where engine = 'onnx'"
OPSET = 17


def model(
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    tensors: dict[str, Any] | None = None,
    **given: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """A model of nodes; tensors by name, as numpy's arrays or as they are."""
    held = [
        numpy_helper.from_array(each, name) if isinstance(each, np.ndarray) else each
        for name, each in (tensors or {}).items()
    ]
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), held)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **given)


def numbers(name: str, width: int | None = 1, kind: int = TensorProto.FLOAT) -> Any:  # noqa: ANN401
    """An input or output of so many numbers for each row; None: one, without a dimension for it."""
    return helper.make_tensor_value_info(name, kind, [None] if width is None else [None, width])


def net(
    width: int, *, depth: int = 2, hidden: int = 8, last: str | None = None, classes: int = 1, seed: int = 0
) -> bytes:
    """A net with Erf between its layers, of which there is no program: one value, or with Softmax classes."""
    random = np.random.default_rng(seed)
    sizes = [width, *[hidden] * depth, classes]
    nodes, tensors, name = [], {}, "x"
    for layer, (before, behind) in enumerate(pairwise(sizes)):
        tensors[f"w{layer}"] = (random.normal(size=(before, behind)) / np.sqrt(before)).astype(np.float32)
        nodes.append(helper.make_node("MatMul", [name, f"w{layer}"], [f"m{layer}"]))
        name = f"m{layer}"
        if layer < depth:
            nodes.append(helper.make_node("Erf", [name], [f"e{layer}"]))
            name = f"e{layer}"
    nodes.append(helper.make_node(last or "Identity", [name], ["y"]))
    return bytes(model(nodes, [numbers("x", width)], [numbers("y", classes)], tensors).SerializeToString())


def contract_of(content: bytes, inputs: Sequence[Input | str], output: str | None = None) -> Contract:
    """The contract of a graph: numbers that are all needed, unless inputs say so; the second class is positive."""
    graph = OnnxFile(content, output)
    described = tuple(
        Input(each, "double precision", nullable=False) if isinstance(each, str) else each for each in inputs
    )
    scored = Output("value")
    if hasattr(graph, "classes_"):
        labels = tuple(graph.classes_.tolist())
        scored = Output(
            "probability" if hasattr(graph, "predict_proba") else "indicator", labels, min(1, len(labels) - 1)
        )
    return Contract(
        "onnx", described, False, "none", scored, {"onnxruntime": onnxruntime.__version__}, graph_output=output
    )


def golden_lines(content: bytes, contract: Contract, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Golden rows as publications hand them over, with what onnxruntime gives here."""
    served = ServedEstimator(OnnxFile(content, contract.graph_output), contract)
    lines = []
    for row in rows:
        of_numbers = [value for each, value in zip(contract.inputs, row, strict=True) if not each.is_text]
        of_texts = [value for each, value in zip(contract.inputs, row, strict=True) if each.is_text]
        scores, _ = served.scores(1, of_numbers, of_texts)
        outputs, _ = served.outputs(1, of_numbers, of_texts)
        named = dict(zip((each.name for each in contract.inputs), row, strict=True))
        known = scores[0] is not None
        lines.append({"inputs": named, "expected": scores[0], "outputs": outputs[0] if known else None, "scale": 0})
    return lines


def publish(
    session: Session,
    name: str,
    content: bytes,
    contract: Contract,
    golden: Sequence[dict[str, Any]],
    program: dict[str, Any] | None = None,
    key: Path | None = None,
) -> int:
    """Stores a version, signed only with a key, by the functions that the command calls; its number."""
    from pgscore.keys import sign

    sha256 = hashlib.sha256(content).hexdigest()
    text = contract.to_json()
    assert parse_contract(text) == contract
    signature = None if key is None else sign(contract, sha256, key)
    session.run("begin")
    (version,) = session.row(
        "select version from pgscore._publish(%s, %s, %s, %s, %s, %s, %s, %s, null, %s, %s)",
        name,
        contract.digest(sha256),
        sha256,
        len(content),
        contract.format,
        text,
        None if signature is None else signature.value,
        None if signature is None else signature.key_id,
        json.dumps(list(golden)),
        None if program is None else json.dumps(program),
    )
    session.run("select pgscore._store_chunk(%s, %s, %s)", name, version, content)
    session.run("commit")
    return int(version)


def long_runner(doublings: int = 11, products: int = 60, *, constant: bool = False) -> bytes:
    """A graph that multiplies large matrices for minutes, one after the other; or constants, whatever it is given."""
    first = "one" if constant else "x"
    nodes = [
        helper.make_node("Concat", [first if n == 0 else f"c{n - 1}"] * 2, [f"c{n}"], axis=0) for n in range(doublings)
    ]
    nodes.append(helper.make_node("Transpose", [f"c{doublings - 1}"], ["t"]))
    nodes.append(helper.make_node("MatMul", [f"c{doublings - 1}", "t"], ["m"]))
    nodes += [helper.make_node("MatMul", ["m", "m" if n == 0 else f"m{n - 1}"], [f"m{n}"]) for n in range(products)]
    nodes.append(helper.make_node("ReduceMax", [f"m{products - 1}"], ["most"], keepdims=0))
    nodes.append(helper.make_node("Add", ["x", "most"], ["y"]))
    tensors = {"one": np.ones((1, 1), dtype=np.float32)} if constant else {}
    return bytes(model(nodes, [numbers("x")], [numbers("y")], tensors).SerializeToString())


def wait_until_runs(observer: Session, pid: int) -> None:
    """Until a session's statement is under way."""
    state = "select count(*) from pg_stat_activity where pid = %s and state = 'active' and wait_event is null"
    while not observer.value(state, pid):
        pass
