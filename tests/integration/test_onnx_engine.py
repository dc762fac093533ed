"""The onnx engine: graphs that are no programs, from publication to bindings and whole tables; and its switch."""

from __future__ import annotations

import os
from dataclasses import replace
from math import erf
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg2
import pytest
from onnx import TensorProto, helper
from pgscore.readers import read_program
from pgscore_runtime.contract import Contract, Input, Output
from pgscore_runtime.onnx_file import OnnxFile
from sklearn.linear_model import LinearRegression

from tests.support import graphs
from tests.support.command import run_here as run
from tests.support.command import run_json_here as run_json
from tests.support.database import ANALYST, APPLICATION, OPERATOR, SCIENTIST, refused
from tests.support.graphs import ALLOW, FORBID
from tests.support.models import LIGHT_INPUTS, customers

if TYPE_CHECKING:
    from tests.support.database import Database, Session

pytestmark = pytest.mark.skipif(
    "PGSCORE_SERVER_ROOT" in os.environ, reason="the packages are made for the Python of this machine"
)
_NET = graphs.net(3, last="Softmax", classes=2)
_OFF = "the onnx engine, which runs graphs of publishers by native code, is off in this database"
_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'billing')"
# Of a backend that PL/Python, numpy and onnxruntime run in: one, and one that sleeps until a statement is to end.
_THREADS = "select count(*) from pg_ls_dir('/proc/' || pg_backend_pid() || '/task')"
_FORMS = {"a row of the table": "p", "json": "to_jsonb(p)", "a row of a subquery": "s"}


def _rows() -> list[list[float]]:
    found: list[list[float]] = customers()[LIGHT_INPUTS].astype(float).to_numpy().tolist()
    return found


def _expected(content: bytes = _NET, rows: list[list[float]] | None = None) -> list[float]:
    """What onnxruntime gives here for rows, or for the customers."""
    found: list[float] = OnnxFile(content).predict_proba(np.array(rows or _rows()))[:, 1].tolist()
    return found


def _publish(database: Database, name: str, content: bytes = _NET, program: dict[str, Any] | None = None) -> int:
    contract = graphs.contract_of(content, LIGHT_INPUTS)
    golden = graphs.golden_lines(content, contract, _rows()[:20])
    return graphs.publish(database.session(SCIENTIST), name, content, contract, golden, program)


@pytest.fixture
def net(installed: Database) -> Database:
    """A database in which the engine is on, and a net answers as model churn."""
    installed.session().run(ALLOW)
    assert _publish(installed, "churn") == 1
    installed.session(OPERATOR).run("select pgscore.promote('churn', 1)")
    return installed


def _scores(session: Session, form: str = "p") -> list[float]:
    rows = "churn.customer_profile p, lateral (select p.*) s order by p.customer_id"
    return [score for (score,) in session.run(f"select pgscore.score('churn', {form}) from {rows}")]


def test_a_graph_that_is_no_program_is_verified_promoted_and_scored(net: Database) -> None:
    verified = net.session(SCIENTIST).run("select engine, rows, max_abs_diff, ok from pgscore.verify('churn', 1)")
    assert verified == [("onnx", 20, 0.0, True)]
    assert net.session().run("select one_engine, many_engine from pgscore.model") == [("onnx", "onnx")]
    assert net.session().run("select engine from pgscore.measurement") == [("onnx",)]
    session = net.session(ANALYST)
    for form in _FORMS.values():
        assert _scores(session, form) == _expected(), form
    whole = session.run(
        "select score, version, reason from pgscore.score_rows('churn', 'churn.customer_profile') order by key::integer"
    )
    assert whole == [(score, 1, None) for score in _expected()]
    predicted = session.value(
        "select pgscore.predict('churn', to_jsonb(p)) from churn.customer_profile p where customer_id = 1"
    )
    assert predicted["probabilities"]["1"] == _expected()[0]
    assert predicted["label"] == int(_expected()[0] > 0.5)


def test_a_session_that_scores_has_one_thread_that_computes(net: Database) -> None:
    session = net.session()
    session.run("select pgscore.score('churn', p) from churn.customer_profile p")
    assert session.value(_THREADS) == 2


def test_a_binding_stores_what_the_graph_gives(net: Database) -> None:
    application, session = net.session(APPLICATION), net.session()
    application.run(_COMPLAIN, 1)
    application.run("insert into churn.complaints (customer_id, kind) select n, 'a' from generate_series(2, 40) n")
    stored = session.run(
        f"select {', '.join(LIGHT_INPUTS)}, churn_score from churn.customer_profile where customer_id <= 40"
        " order by customer_id"
    )
    assert [row[-1] for row in stored] == _expected(rows=[[float(each) for each in row[:-1]] for row in stored])


def test_the_rows_that_a_graph_refuses_have_no_score_and_a_reason(installed: Database) -> None:
    # Gather takes what stands at a place, and there are four.
    nodes = [
        helper.make_node("Cast", ["x"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["held", "place"], ["taken"]),
        helper.make_node("Erf", ["taken"], ["y"]),
    ]
    held = {"held": np.array([0.5, 1.5, 2.5, 3.5], dtype=np.float32)}
    content = graphs.model(nodes, [graphs.numbers("x")], [graphs.numbers("y")], held).SerializeToString()
    contract = graphs.contract_of(content, ["place"])
    lines = graphs.golden_lines(content, contract, [[0.0], [3.0], [9.0]])
    assert [each["expected"] is None for each in lines] == [False, False, True]
    session = installed.session()
    session.run(ALLOW)
    graphs.publish(session, "places", content, contract, lines)
    session.run("select pgscore.promote('places', 1)")
    found = session.run(
        "select key, score is null, reason from pgscore.score_rows('places',"
        " 'select n as key, n::double precision as place from generate_series(1, 6) n', key => array['key'])"
        " order by key::integer"
    )
    assert [empty for _, empty, _ in found] == [False, False, False, True, True, True]
    assert {reason for _, empty, reason in found if empty} == {
        f"indices element out of data bounds, idx={n} must be within the inclusive range [-4,3]" for n in (4, 5, 6)
    }
    assert session.value("""select pgscore.score('places', '{"place": 9}'::jsonb)""") is None


def test_texts_booleans_and_whole_numbers_reach_the_inputs_that_take_them(installed: Database) -> None:
    nodes = [
        helper.make_node(
            "LabelEncoder", ["plan"], ["of_plan"], domain="ai.onnx.ml", keys_strings=["gold", "tin"],
            values_floats=[2.0, 1.0], default_float=0.5,
        ),
        helper.make_node("Cast", ["calls"], ["of_calls"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["is_new"], ["of_new"], to=TensorProto.FLOAT),
        helper.make_node("Sum", ["of_plan", "of_calls", "of_new", "amount"], ["sum"]),
        helper.make_node("Erf", ["sum"], ["y"]),
    ]  # fmt: skip
    inputs = [
        graphs.numbers("plan", kind=TensorProto.STRING),
        graphs.numbers("calls", kind=TensorProto.INT64),
        graphs.numbers("is_new", kind=TensorProto.BOOL),
        graphs.numbers("amount", None),
    ]
    nodes.insert(0, helper.make_node("Unsqueeze", ["amount_each", "one"], ["amount"]))
    inputs[-1] = graphs.numbers("amount_each", None)
    tensors = {"one": np.array([1], dtype=np.int64)}
    content = graphs.model(nodes, inputs, [graphs.numbers("y")], tensors).SerializeToString()
    assert OnnxFile(content).feature_names_in_.tolist() == ["plan", "calls", "is_new", "amount_each"]
    described = [
        Input("plan", "text", nullable=True),
        Input("calls", "double precision", nullable=True),
        Input("is_new", "boolean", nullable=True),
        Input("amount", "double precision", nullable=True),
    ]
    contract = graphs.contract_of(content, described)
    rows: list[list[Any]] = [["gold", -4.0, True, 0.25], ["\u00e9", 1.5, False, -2.0], ["tin", 0.0, True, -2.0]]
    refusals: list[list[Any]] = [[None, 0.0, True, 0.0], ["tin", None, True, 0.0], ["tin", 1e30, True, 0.0]]
    lines = graphs.golden_lines(content, contract, [*rows, *refusals])
    # 1.5 calls are one, as numpy casts.
    sums = [2 - 4 + 1 + 0.25, 0.5 + 1 + 0 - 2, 1 + 0 + 1 - 2]
    assert [each["expected"] for each in lines[:3]] == pytest.approx([erf(each) for each in sums], abs=1e-6)
    assert [each["expected"] for each in lines[3:]] == [None, None, None]
    session = installed.session()
    session.run(ALLOW)
    graphs.publish(session, "mixed", content, contract, lines)
    assert session.run("select engine, rows, ok from pgscore.verify('mixed')") == [("onnx", 6, True)]
    reasons = session.value(
        "select (pgscore._estimate('mixed', 1, digest, 3, array[0, 1, 0, null, 1, 0, 1e30, 1, 0]::float8[],"
        " array[null, 'tin', 'tin'], false)).reasons from pgscore.model_version"
    )
    assert reasons == [
        "input 'plan' takes a text, and a value that is missing is none",
        "input 'calls' takes int64, and a value that is missing is none",
        "input 'calls' takes int64, and a number is beyond that",
    ]


def test_the_output_that_was_chosen_is_part_of_the_version(installed: Database) -> None:
    nodes = [helper.make_node("Erf", ["x"], ["low"]), helper.make_node("Add", ["low", "x"], ["high"])]
    content = graphs.model(
        nodes, [graphs.numbers("x")], [graphs.numbers("low"), graphs.numbers("high")]
    ).SerializeToString()
    session = installed.session()
    session.run(ALLOW)
    digests = set()
    for version, output in enumerate(("low", "high"), start=1):
        contract = graphs.contract_of(content, ["x"], output)
        lines = graphs.golden_lines(content, contract, [[0.5], [1.0]])
        assert graphs.publish(session, "chosen", content, contract, lines) == version
        session.run("select pgscore.promote('chosen', %s)", version)
        score = session.value("""select pgscore.score('chosen', '{"x": 1}'::jsonb)""")
        assert score == pytest.approx(erf(1) + (output == "high"), abs=1e-6)
        digests.add(contract.digest("0" * 64))
    assert len(digests) == 2
    assert "graph_output" not in graphs.contract_of(_NET, LIGHT_INPUTS).to_json()


def test_a_graph_that_is_a_program_too_is_served_by_that_and_proved_by_both(installed: Database) -> None:
    nodes = [
        helper.make_node("LinearRegressor", ["x"], ["y"], domain="ai.onnx.ml", coefficients=[2.0], intercepts=[1.0])
    ]
    content = graphs.model(nodes, [graphs.numbers("x")], [graphs.numbers("y")]).SerializeToString()
    contract = graphs.contract_of(content, ["x"])
    lines = graphs.golden_lines(content, contract, [[0.5], [1.0], [-3.0]])
    program = read_program(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]), contract).program
    session = installed.session()
    graphs.publish(session, "line", content, contract, lines, program)
    assert sorted(each for (each,) in session.run("select engine from pgscore.verify('line')")) == [
        "interpreter",
        "sql",
    ]
    session.run(ALLOW)
    assert sorted(session.run("select engine, ok from pgscore.verify('line')")) == [
        ("interpreter", True), ("onnx", True), ("sql", True)
    ]  # fmt: skip
    session.run("select pgscore.promote('line', 1)")
    assert session.run("select one_engine, many_engine from pgscore.model") == [("sql", "sql")]
    session.run("select pgscore.promote('line', 1, 'onnx')")
    assert session.value("""select pgscore.score('line', '{"x": 4}'::jsonb)""") == 9.0
    session.run(FORBID)
    with refused("42501", f'model "line" version 1 cannot be loaded: {_OFF}'):
        session.run("""select pgscore.score('line', '{"x": 4}'::jsonb)""")
    session.run("select pgscore.promote('line', 1)")
    assert session.value("""select pgscore.score('line', '{"x": 4}'::jsonb)""") == pytest.approx(9.0)


def test_where_the_engine_is_off_nothing_is_proved_promoted_or_scored(installed: Database) -> None:
    assert _publish(installed, "churn") == 1
    session = installed.session(OPERATOR)
    message, hint = f'model "churn" version 1 cannot be loaded: {_OFF}', "pgscore engines allow onnx"
    for call in ("pgscore.verify('churn')", "pgscore.promote('churn', 1)"):
        with refused("42501", message, hint=hint):
            session.run(f"select {call}")
    assert installed.session().run("select serving from pgscore.model") == [(None,)]


def test_turning_it_off_stops_sessions_that_have_loaded_a_graph_at_their_next_statement(net: Database) -> None:
    session, application = net.session(ANALYST), net.session(APPLICATION)
    assert _scores(session) == _expected()
    application.run(_COMPLAIN, 1)
    said = run(net.dsn(), "engines", "forbid", "onnx").stdout
    assert "It served churn" in said
    for form in _FORMS.values():
        with refused("42501", _OFF):
            _scores(session, form)
    with refused("42501", _OFF):
        session.run("select * from pgscore.score_rows('churn', 'churn.customer_profile')")
    # The application's insert goes on: its policy is to keep.
    application.run(_COMPLAIN, 2)
    ((key, reason),) = net.session().run("select key, reason from pgscore.stale")
    assert (key, _OFF in reason) == ("2", True)
    assert run_json(net.dsn(), "engines", "allow", "onnx")["megabytes"] == 1024
    assert _scores(session) == _expected()


def test_the_command_says_which_engines_are_on(net: Database) -> None:
    (found,) = run_json(net.dsn(OPERATOR), "engines", "list")
    assert (found["engine"], found["allowed"], found["megabytes"], found["models"]) == ("onnx", True, 1024, ["churn"])
    assert run_json(net.dsn(), "engines", "allow", "onnx", "--memory", "256")["megabytes"] == 256
    assert run_json(net.dsn(), "engines", "allow", "onnx")["megabytes"] == 256
    assert "onnx" in run(net.dsn(), "engines", "list").stdout
    assert not run_json(net.dsn(), "engines", "forbid", "onnx")["allowed"]
    assert run_json(net.dsn(), "engines", "list")[0]["allowed"] is False
    done = run(net.dsn(), "engines", "allow", "estimator", expect=1)
    assert "engine 'estimator' is none that is turned on and off" in done.stderr
    assert "Only a superuser turns engines on" in run(net.dsn(OPERATOR), "engines", "allow", "onnx", expect=1).stderr
    assert "Only a superuser turns engines on" in run(net.dsn(OPERATOR), "engines", "forbid", "onnx", expect=1).stderr


def test_the_doctor_says_whether_it_is_on_and_which_model_waits_for_it(net: Database) -> None:
    found = {each["code"]: each for each in run_json(net.dsn(), "doctor")["findings"]}
    assert "graphs of all publishers run, in 1024 MB for each call" in found["engine-on"]["sentence"]
    assert "onnxruntime 1." in found["python"]["sentence"]
    assert not {"artifact-unused", "artifact-untrusted", "engine-forbidden"} & found.keys()
    net.session().run(FORBID)
    found = {each["code"]: each for each in run_json(net.dsn(), "doctor", expect=1)["findings"]}
    assert found["engine-forbidden"]["remedy"] == "pgscore engines allow onnx"
    assert "engine-off" in found


@pytest.mark.parametrize("kind", ["pmml", "mojo"])
def test_a_file_that_is_never_called_is_not_loaded_whoever_signed_it(installed: Database, key: Any, kind: str) -> None:  # noqa: ANN401
    contract = Contract(kind, (Input("x", "double precision", False),), False, "none", Output("value"), {})
    content = b"\x80\x04K\x01."
    session = installed.session()
    graphs.publish(
        session, "file", content, contract, [{"inputs": {"x": 1}, "expected": 1.0, "outputs": [1.0]}], key=key
    )
    sentence = f"a {kind.upper()} file is scored by the program that is made of it, and is never called itself"
    with refused("0A000", f'model "file" version 1 cannot be loaded: {sentence}'):
        session.run("select * from pgscore.verify('file')")


def test_a_contract_that_is_not_the_graphs_is_refused(installed: Database) -> None:
    session = installed.session()
    session.run(ALLOW)
    right = graphs.contract_of(_NET, LIGHT_INPUTS)
    golden = graphs.golden_lines(_NET, right, _rows()[:3])
    wrong: dict[str, dict[str, Any]] = {
        "2 inputs, and the graph 3": {"inputs": right.inputs[:2]},
        "a value as output, and the graph a probability": {"output": Output("value")},
        "other labels than the graph": {"output": Output("probability", ("no", "yes"), 1)},
    }
    for number, (reason, change) in enumerate(wrong.items()):
        graphs.publish(session, f"wrong_{number}", _NET, replace(right, **change), golden)
        with refused("XX001", f"the contract has {reason}"):
            session.run("select pgscore.verify(%s)", f"wrong_{number}")


def test_a_statement_ends_when_it_is_to_although_native_code_runs(installed: Database) -> None:
    session = installed.session()
    session.run(ALLOW)
    golden = [{"inputs": {"x": 1.0}, "expected": 1.0, "outputs": [1.0]}]
    # What is constant is not computed while it is loaded, which could not be ended.
    for name, constant in (("constant", True), ("slow", False)):
        content = graphs.long_runner(constant=constant)
        graphs.publish(session, name, content, graphs.contract_of(content, ["x"]), golden)
        session.run("set statement_timeout = '1s'")
        with refused("57014", "canceling statement due to statement timeout"):
            session.run("select * from pgscore.verify(%s)", name)
        session.run("set statement_timeout = 0")
    started = session.start("select * from pgscore.verify('slow')")
    observer = installed.session()
    graphs.wait_until_runs(observer, session.pid)
    assert observer.value("select pg_terminate_backend(%s, 20000)", session.pid)
    with pytest.raises(psycopg2.Error):
        started.result()


def test_a_row_at_a_time_in_parallel_plans_stays_with_the_leader(net: Database) -> None:
    session = net.session()
    for name in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
        session.run(f"set {name} = 0")
    session.run("set max_parallel_workers_per_gather = 4")
    found = session.run("select customer_id, pgscore.score('churn', p) from churn.customer_profile p order by 1")
    assert [score for _, score in found] == _expected()
