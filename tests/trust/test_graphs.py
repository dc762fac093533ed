"""ONNX graphs of a publisher who is nobody's friend: the switch is not theirs, and what they send reads nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from pgscore_runtime.contract import Contract, Input, Output

from tests.support import graphs
from tests.support.database import ANALYST, OPERATOR, SCIENTIST, refused
from tests.support.graphs import ALLOW, FORBID

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.database import Database, Session

_SWITCHES = (
    ALLOW,
    "update pgscore_trusted.allowed_engine set megabytes = 1048576",
    FORBID,
    "truncate pgscore_trusted.allowed_engine",
    "alter table pgscore_trusted.allowed_engine disable trigger all",
)
# What has the keys and the switch handed over, and believes it.
_BELIEVING = (
    "select pgscore_trusted._estimate_called('d', 1, null, null, false, true)",
    "select pgscore_trusted._estimate_memory('d', 1, null, null, false, true)",
    "select pgscore_trusted._load_received('{}', null, null, '{}', '{}', '{}', '{onnx}', '{1024}')",
)
_CONTRACT = Contract("onnx", (Input("x", "double precision", False),), False, "none", Output("value"), {})
_GOLDEN = [{"inputs": {"x": 1.0}, "expected": 1.0, "outputs": [1.0], "scale": 0}]


def _verified(database: Database, content: bytes) -> None:
    """Has a publisher publish it and verify it, which loads it, where the engine is on."""
    database.session().run(ALLOW)
    session = database.session(SCIENTIST)
    graphs.publish(session, "evil", content, _CONTRACT, _GOLDEN)
    session.run("select * from pgscore.verify('evil')")


@pytest.mark.parametrize("role", [SCIENTIST, OPERATOR, ANALYST, "pgscore_owner", "pgscore_publisher"])
def test_nobody_but_a_superuser_turns_the_engine_on_or_off(installed: Database, role: str) -> None:
    session = installed.session(role if role.startswith("test") else None)
    session.run(f"set role {role}")
    for statement in _SWITCHES:
        with refused("42501", "allowed_engine"):
            session.run(statement)
    for call in _BELIEVING:
        with refused("42501", "permission denied for"):
            session.run(call)


def _external(place: str) -> Any:  # noqa: ANN401
    tensor = TensorProto(name="held", data_type=TensorProto.UINT8, dims=[8], data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    return tensor


def _reading(place: str) -> bytes:
    """A graph that adds up bytes of a file of the server's."""
    nodes = [
        helper.make_node("Cast", ["held"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["numbers"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    tensors = {"held": _external(place)}
    return bytes(graphs.model(nodes, [graphs.numbers("x")], [graphs.numbers("y")], tensors).SerializeToString())


def test_a_graph_reads_no_file_of_the_server(
    installed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By itself onnxruntime reads it, beside where it runs: in a backend that is the data directory.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "PG_VERSION").write_bytes(b"12345678")
    session = onnxruntime.InferenceSession(_reading("PG_VERSION"), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.zeros((1, 1), dtype=np.float32)})
    assert found.tolist() == [[float(sum(b"12345678"))]]
    with refused("42501", "a tensor 'held' stands in another file, which a graph may not have the server read"):
        _verified(installed, _reading("PG_VERSION"))


def _identity(**given: Any) -> Any:  # noqa: ANN401
    nodes = [helper.make_node("Identity", ["x"], ["y"], **given)]
    return graphs.model(nodes, [graphs.numbers("x")], [graphs.numbers("y")])


def _with_function() -> bytes:
    made = _identity()
    body = [helper.make_node("Identity", ["a"], ["b"])]
    made.functions.append(
        helper.make_function("", "Identity", ["a"], ["b"], body, [helper.make_opsetid("", graphs.OPSET)])
    )
    return bytes(made.SerializeToString())


def _with_settings() -> bytes:
    made = _identity()
    entry = made.metadata_props.add()
    entry.key, entry.value = "ort_config", '{"session_options": {"enable_profiling": 1}}'
    return bytes(made.SerializeToString())


def _looping() -> bytes:
    """A loop whose condition stays true."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["held"], ["kept"])],
        "body",
        [
            helper.make_tensor_value_info("n", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            graphs.numbers("held"),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), graphs.numbers("kept")],
    )
    nodes = [helper.make_node("Loop", ["", "true", "x"], ["y"], body=body)]
    tensors = {"true": np.array(True)}
    return bytes(graphs.model(nodes, [graphs.numbers("x")], [graphs.numbers("y")], tensors).SerializeToString())


def _context_of_a_processor() -> bytes:
    return bytes(_identity(domain="com.microsoft", ep_cache_context="/etc/passwd", embed_mode=0).SerializeToString())


_REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "an operator of somebody's": (
        lambda: bytes(_identity(domain="my.own").SerializeToString()),
        "the graph has the operator my.own.Identity, and only those of ai.onnx and ai.onnx.ml are run",
    ),
    "an operator that reads files": (_context_of_a_processor, "the graph has the operator com.microsoft.Identity"),
    "a function with a standard operator's name": (_with_function, "the file holds functions of its own"),
    "settings": (_with_settings, "the file holds settings for onnxruntime"),
    "a loop without end": (_looping, "the graph has the operator Loop, which may run without end"),
}


@pytest.mark.parametrize("what", _REFUSED)
def test_what_a_strangers_graph_may_not_hold_is_refused_before_it_is_loaded(installed: Database, what: str) -> None:
    make, sentence = _REFUSED[what]
    with refused("42501", sentence):
        _verified(installed, make())


def _filling(*nodes: Any, tensors: dict[str, Any]) -> bytes:  # noqa: ANN401
    """A graph that makes something large, and adds the largest of its numbers."""
    held = [
        *nodes,
        helper.make_node("ReduceMax", ["large"], ["most"], keepdims=0),
        helper.make_node("Add", ["x", "most"], ["y"]),
    ]
    return bytes(graphs.model(held, [graphs.numbers("x")], [graphs.numbers("y")], tensors).SerializeToString())


def _doubling(times: int) -> bytes:
    names = ["x", *[f"c{n}" for n in range(times - 1)], "large"]
    nodes = [helper.make_node("Concat", [names[n]] * 2, [names[n + 1]], axis=0) for n in range(times)]
    return _filling(*nodes, tensors={})


def _shape(*sizes: int) -> dict[str, Any]:
    return {"shape": np.array(sizes, dtype=np.int64)}


_LARGE: dict[str, Callable[[], bytes]] = {
    "ConstantOfShape": lambda: _filling(
        helper.make_node("ConstantOfShape", ["shape"], ["large"]), tensors=_shape(2**40)
    ),
    "Expand": lambda: _filling(helper.make_node("Expand", ["x", "shape"], ["large"]), tensors=_shape(2**38, 1)),
    "Concat, 40 times": lambda: _doubling(40),
}


@pytest.mark.parametrize("what", _LARGE)
def test_a_graph_that_wants_memory_gets_what_is_allowed_and_the_backend_lives(installed: Database, what: str) -> None:
    session = installed.session()
    session.run("insert into pgscore_trusted.allowed_engine (engine, megabytes) values ('onnx', 128)")
    graphs.publish(session, "large", _LARGE[what](), _CONTRACT, [{**_GOLDEN[0], "expected": None, "outputs": None}])
    ((ok, difference),) = session.run("select ok, max_abs_diff from pgscore.verify('large')")
    assert (ok, difference) == (True, 0)
    reasons = session.value(
        "select (pgscore._estimate('large', 1, digest, 1, array[1]::float8[], null, false)).reasons"
        " from pgscore.model_version"
    )
    assert reasons == ["the graph needs more memory, and it may take 128 MB"]
    assert _largest(session) < 700_000
    # What a call was denied the backend has again.
    assert session.value("select length(repeat('x', 200000000))") == 200000000


def _largest(session: Session) -> int:
    """The most memory that the backend has had, in kB."""
    status = session.value("select pg_read_file('/proc/' || pg_backend_pid() || '/status')")
    return int(status.partition("VmHWM:")[2].split()[0])


def test_a_tensor_that_is_said_to_be_larger_than_its_bytes_is_refused_before_memory_is_taken(
    installed: Database,
) -> None:
    tensor = TensorProto(name="held", data_type=TensorProto.FLOAT, dims=[2**40], raw_data=bytes(8))
    with refused("XX001", "a tensor 'held' is said to hold 1099511627776 numbers, and has"):
        _verified(installed, _filling(helper.make_node("Identity", ["held"], ["large"]), tensors={"held": tensor}))


def test_a_reader_cannot_have_a_graph_run_under_the_name_of_another_version(installed: Database) -> None:
    session = installed.session()
    session.run(ALLOW)
    contract = graphs.contract_of(graphs.net(1), ["x"])
    graphs.publish(session, "net", graphs.net(1), contract, graphs.golden_lines(graphs.net(1), contract, [[1.0]]))
    other = Contract("joblib", _CONTRACT.inputs, False, "none", Output("value"), {})
    graphs.publish(session, "other", b"nothing", other, _GOLDEN)
    # Loaded by this session, in which the engine is turned off then.
    session.run("select pgscore.verify('net')")
    session.run(FORBID)
    session.run(f"set role {ANALYST}")
    call = "select pgscore._estimate(%s, 1, v.digest, 1, array[1]::float8[], null) from pgscore.model_version v"
    with refused("42501", "is off in this database"):
        session.run(f"{call} where model = 'net'", "net")
    with refused("42501", "the artifact carries no signature"):
        session.run(f"{call} where model = 'net'", "other")
