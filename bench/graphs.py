"""The onnx engine: a net of three layers of 64, beside onnxruntime in a PL/Python function written by hand."""

from __future__ import annotations

import hashlib
import json
import time
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from pgscore_runtime.contract import Contract, Input, Output
from pgscore_runtime.onnx_file import OnnxFile

from . import first_score, onnx_runtime, single_row
from .contender import Contender, NotTheSameError, scoring_update
from .customers import CUSTOMERS, MANY_CUSTOMERS, declared, predictors
from .figure import Detail, ratio
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .field import Field
    from .figure import Measured
    from .setting import Session

NAME = "graph"
_LAYERS, _WIDTH = 3, 64
_GOLDEN = 20
_TIMES = 4
_TOLERANCE = 1e-6


def one_row(field: Field) -> list[Measured]:
    """What pgscore adds to a transaction, divided by what the function adds."""
    ours, theirs = contenders(field)
    found = single_row.added(field, (ours.update, theirs.update), field.effort.single, (ours.score,))
    return _ratio([mine / other for mine, other in found], found, "µs added to a transaction", 1e6)


def first(field: Field) -> list[Measured]:
    """How many times faster pgscore's first score of a connection is."""
    sides = [partial(first_score.first_seconds, field.server, each) for each in contenders(field)]
    found = in_turn(sides, field.effort.first, field.effort.seconds)
    return _ratio([other / mine for mine, other in found], found, "ms for the first score", 1e3)


def bulk(field: Field) -> list[Measured]:
    """Rows in a second by score_rows, divided by those of a query that calls the function for each."""
    return _compare_rows(field, _by_function)


def rows(field: Field) -> list[Measured]:
    """The same, divided by those of onnxruntime in the client, on an array that is there, by one thread."""
    return _compare_rows(field, _by_client)


def contenders(field: Field) -> tuple[Contender, Contender]:
    """pgscore, and the function; installed once.

    Raises:
        NotTheSameError: they do not give what onnxruntime gives in the client.
    """
    with field.server.session() as session:
        if not session.value("select to_regclass('bench.graphs_are_there') is not null"):
            _publish(session)
            onnx_runtime.make_function(session, NAME, _net(), '"y"', "[0, 0]")
            session.run("create table bench.graphs_are_there ()")
            _check(session)
    ours = "(pgscore._rescore('graph', null, c, true))[1]"
    return (
        Contender("pgscore", f"pgscore.score('{NAME}', c)", scoring_update(ours)),
        onnx_runtime.contender(NAME),
    )


@cache
def _net() -> bytes:
    """15 numbers, three layers of 64 with Erf, which no program has, and a sigmoid."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    scale = predictors().to_numpy().std(axis=0)
    widths = [len(declared()), *[_WIDTH] * _LAYERS, 1]
    nodes, held, name = [], [], "row"
    for layer, (before, behind) in enumerate(pairwise(widths)):
        weights = random.normal(size=(before, behind)) / np.sqrt(before)
        if layer == 0:
            weights /= scale[:, None]
        held += [
            numpy_helper.from_array(weights.astype(np.float32), f"w{layer}"),
            numpy_helper.from_array(random.normal(size=behind).astype(np.float32), f"b{layer}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"w{layer}", f"b{layer}"], [f"g{layer}"]))
        name = f"h{layer}"
        nodes.append(helper.make_node("Erf" if layer < _LAYERS else "Sigmoid", [f"g{layer}"], [name]))
    nodes.append(helper.make_node("Identity", [name], ["y"]))
    given, made = (
        helper.make_tensor_value_info(each, TensorProto.FLOAT, [None, width])
        for each, width in (("row", widths[0]), ("y", 1))
    )
    graph = helper.make_graph(nodes, NAME, [given], [made], held)
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return content


@cache
def _expected() -> np.ndarray:
    found: np.ndarray = OnnxFile(_net()).predict(predictors().to_numpy())
    return found


def _publish(session: Session) -> None:
    """As `pgscore publish` does, with golden rows of the customers."""
    session.run("insert into pgscore_trusted.allowed_engine (engine) values ('onnx') on conflict do nothing")
    content = _net()
    inputs = tuple(Input(name, "double precision", nullable=False) for name in declared())
    contract = Contract("onnx", inputs, False, "none", Output("value"), {}, tolerance=_TOLERANCE)
    golden = [
        {"inputs": {name: float(value) for name, value in row.items()}, "expected": score, "outputs": [score]}
        for row, score in zip(predictors().head(_GOLDEN).to_dict("records"), _expected().tolist(), strict=False)
    ]
    sha256 = hashlib.sha256(content).hexdigest()
    session.run("begin")
    session.run(
        "select pgscore._publish(%s, %s, %s, %s, 'onnx', %s, null, null, null, %s, null)",
        (NAME, contract.digest(sha256), sha256, len(content), contract.to_json(), json.dumps(golden)),
    )
    session.run("select pgscore._store_chunk(%s, 1, %s)", (NAME, content))
    for table in (CUSTOMERS, MANY_CUSTOMERS):
        session.run("select pgscore._add_profile(%s, %s)", (NAME, table))
    session.run("commit")
    session.run("select pgscore.promote(%s, 1)", (NAME,))


def _check(session: Session) -> None:
    for each in (f"pgscore.score('{NAME}', c)", onnx_runtime.contender(NAME).score):
        found = np.array(session.run(f"select {each} from {CUSTOMERS} c order by c.id"), dtype=float)  # noqa: S608
        if not np.allclose(found.ravel(), _expected(), rtol=0, atol=_TOLERANCE):
            raise NotTheSameError(f"{each} gives other scores than onnxruntime in the client")


def _compare_rows(field: Field, other: Callable[[Session, int], float]) -> list[Measured]:
    contenders(field)
    many = len(predictors()) * _TIMES
    with field.server.session() as session:
        sides = [partial(each, session, many) for each in (_by_score_rows, other)]
        for side in sides:
            side()
        found = in_turn(sides, field.effort.bulk)
    return _ratio([mine / theirs for mine, theirs in found], found, f"rows/s, of {many:,} rows")


def _by_score_rows(session: Session, many: int) -> float:
    query = f"select c.* from {MANY_CUSTOMERS} c where c.id <= {many}"  # noqa: S608  our own text
    return many / session.seconds(f"select count(score) from pgscore.score_rows('{NAME}', '{query}')")  # noqa: S608


def _by_function(session: Session, many: int) -> float:
    score = onnx_runtime.contender(NAME).score
    return many / session.seconds(f"select count({score}) from {MANY_CUSTOMERS} c where c.id <= {many}")  # noqa: S608


@cache
def _in_client() -> tuple[OnnxFile, np.ndarray]:
    return OnnxFile(_net()), np.tile(predictors().to_numpy(), (_TIMES, 1))


def _by_client(_: Session, many: int) -> float:
    file, given = _in_client()
    start = time.perf_counter()
    file.predict(given)
    return many / (time.perf_counter() - start)


def _ratio(ratios: list[float], found: Sequence[tuple[float, ...]], unit: str, times: float = 1) -> list[Measured]:
    names = ("pgscore, engine onnx", "onnxruntime in a function, or in the client")
    details: list[Any] = [
        Detail(name, spread([each[side] for each in found]).times(times), unit) for side, name in enumerate(names)
    ]
    return ratio(ratios, details)
