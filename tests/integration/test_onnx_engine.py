"""The onnx engine: graphs that are no programs, from publication to bindings and whole tables; and its switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pgscore_runtime.onnx_file import OnnxFile

from tests.support import graphs
from tests.support.database import ANALYST, OPERATOR, SCIENTIST
from tests.support.graphs import ALLOW
from tests.support.models import LIGHT_INPUTS, customers

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_NET = graphs.net(3, last="Softmax", classes=2)
_OFF = "is off in this database"
# Of a backend that PL/Python, numpy and onnxruntime run in.
_THREADS = "select count(*) from pg_ls_dir('/proc/' || pg_backend_pid() || '/task')"
_FORMS = {"a row of the table": "p", "json": "to_jsonb(p)", "a row of a subquery": "s"}


def _rows() -> list[list[float]]:
    found: list[list[float]] = customers()[LIGHT_INPUTS].astype(float).to_numpy().tolist()
    return found


def _expected(content: bytes = _NET) -> list[float]:
    """What onnxruntime gives here for the customers."""
    found: list[float] = OnnxFile(content).predict_proba(np.array(_rows()))[:, 1].tolist()
    return found


def _publish(database: Database, name: str, content: bytes = _NET) -> int:
    contract = graphs.contract_of(content, LIGHT_INPUTS)
    golden = graphs.golden_lines(content, contract, _rows()[:20])
    return graphs.publish(database.session(SCIENTIST), name, content, contract, golden)


@pytest.fixture
def net(installed: Database) -> Database:
    """A database in which the engine is on, and a net answers."""
    installed.session().run(ALLOW)
    assert _publish(installed, "net") == 1
    installed.session(OPERATOR).run("select pgscore.promote('net', 1)")
    return installed


def _scores(session: Session, form: str = "p") -> list[float]:
    rows = "churn.customer_profile p, lateral (select p.*) s order by p.customer_id"
    return [score for (score,) in session.run(f"select pgscore.score('net', {form}) from {rows}")]


def test_a_graph_that_is_no_program_is_verified_promoted_and_scored(net: Database) -> None:
    verified = net.session(SCIENTIST).run("select engine, rows, max_abs_diff, ok from pgscore.verify('net', 1)")
    assert verified == [("onnx", 20, 0.0, True)]
    assert net.session().run("select one_engine, many_engine from pgscore.model") == [("onnx", "onnx")]
    assert net.session().run("select engine from pgscore.measurement") == [("onnx",)]
    session = net.session(ANALYST)
    for form in _FORMS.values():
        assert _scores(session, form) == _expected(), form
    whole = session.run(
        "select key, score, version, reason from pgscore.score_rows('net', 'churn.customer_profile') order by key::integer"
    )
    assert [(score, version, reason) for _, score, version, reason in whole] == [
        (score, 1, None) for score in _expected()
    ]
    predicted = session.value(
        "select pgscore.predict('net', to_jsonb(p)) from churn.customer_profile p where customer_id = 1"
    )
    assert predicted["probabilities"]["1"] == _expected()[0]
    assert predicted["label"] == int(_expected()[0] > 0.5)
