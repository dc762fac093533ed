"""Bad files of other tools: one sentence each from the command, and nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pgscore.command import run

from .fixtures import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.database import Database

_ROWS = "a,b,told\n1,2,0.5\n3,4,0.5\n"
_PMML = """<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>
<DataDictionary>
<DataField name="a" optype="continuous" dataType="double"/><DataField name="b" optype="{optype}" dataType="{kind}"/>
<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>{model}</PMML>"""
_LINEAR = """<RegressionModel functionName="regression"><MiningSchema><MiningField name="a"/><MiningField name="b"/>
<MiningField name="y" usageType="target"/></MiningSchema><RegressionTable intercept="0.5">
{terms}</RegressionTable></RegressionModel>"""

_SERIES = '<TimeSeriesModel functionName="timeSeries"><MiningSchema/></TimeSeriesModel>'
_POJO = b"import hex.genmodel.GenModel;\npublic class m extends GenModel {}"


def _graph(
    *, shape: tuple[int | None, ...] = (None, 2), opset: int = 17, operator: str = "Identity", outputs: int = 1
) -> bytes:
    made = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    weights = numpy_helper.from_array(np.ones((2, 1), dtype=np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node(operator, ["z"], ["y0"], name="odd")]
    nodes += [helper.make_node("Identity", ["z"], [f"y{n}"]) for n in range(1, outputs)]
    given = [helper.make_tensor_value_info(f"y{n}", TensorProto.FLOAT, [shape[0], 1]) for n in range(outputs)]
    graph = helper.make_graph(nodes, "g", made, given, [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 9
    return bytes(model.SerializeToString())


def _outside() -> bytes:
    model = onnx.load_from_string(_graph())
    (weights,) = model.graph.initializer
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return bytes(model.SerializeToString())


def _pmml(*, model: str = "", terms: str = "", kind: str = "double", version: str = "4.4") -> bytes:
    optype = "categorical" if kind == "string" else "continuous"
    text = _PMML.format(optype=optype, kind=kind, model=model or _LINEAR.format(terms=terms))
    return text.replace("PMML-4_4", f"PMML-{version.replace('.', '_')}").replace('"4.4"', f'"{version}"').encode()


_BAD: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a graph cut short": ("m.onnx", lambda: _graph()[:-9], "ONNX"),
    "an opset to come": ("m.onnx", lambda: _graph(opset=999), "opset"),
    "rows of a fixed number": ("m.onnx", lambda: _graph(shape=(1, 2)), "rows"),
    "several outputs": ("m.onnx", lambda: _graph(outputs=2), "--output"),
    "data that stand elsewhere": ("m.onnx", _outside, "external"),
    "no graph": ("m.onnx", lambda: b"no graph at all", "ONNX"),
    "a document cut short": ("m.pmml", lambda: _pmml()[:-40], "PMML"),
    "a PMML of long ago": ("m.pmml", lambda: _pmml(version="3.2"), "3.2"),
    "a PMML to come": ("m.pmml", lambda: _pmml(version="5.0"), "5.0"),
    "a model that is not read": ("m.pmml", lambda: _pmml(model=_SERIES), "/PMML/TimeSeriesModel"),
    "an entity": ("m.pmml", lambda: b'<!DOCTYPE x [<!ENTITY e "e">]>' + _pmml().partition(b"?>")[2], "m.pmml"),
    "an element that is not read": (
        "m.pmml",
        lambda: _pmml(terms='<NumericPredictor name="a" coefficient="1"/><Strange/>'),
        "/PMML/RegressionModel",
    ),
    "a zip cut short": ("m.zip", lambda: paths("mojo")[0].read_bytes()[:-100], "m.zip"),
    "Java": ("m.java", lambda: _POJO, "MOJO of the same model"),
}  # fmt: skip


def _stored(database: Database) -> int:
    found: int = database.session().value("select count(*) from pgscore.model_version")
    return found


@pytest.mark.parametrize("bad", _BAD)
def test_a_bad_file_is_one_sentence(
    shared: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: str
) -> None:
    """What is wrong and where; and nothing is stored."""
    name, content, said = _BAD[bad]
    path, rows = tmp_path / name, tmp_path / "rows.csv"
    path.write_bytes(content())
    rows.write_text(_ROWS)
    before = _stored(shared)
    arguments = ["publish", "bad", str(path), "--golden", str(rows), "--dsn", shared.dsn()]
    arguments += ["--inputs", "a,b"] if name.endswith("onnx") else ["--expect", "told"]
    assert run(arguments) == 1
    captured = capsys.readouterr()
    sentence, *hints = captured.err.strip().splitlines()
    assert sentence.startswith("pgscore: ")
    assert said in captured.err
    assert len(hints) <= 1
    assert "Traceback" not in captured.err
    assert _stored(shared) == before


def test_names_of_a_graphs_columns_are_asked_for(
    shared: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One input of two columns names none, and neither does a sample of a table."""
    path = tmp_path / "m.onnx"
    path.write_bytes(_graph())
    assert run(["publish", "bad", str(path), "--profile", "churn.customer_profile", "--dsn", shared.dsn()]) == 1
    assert "--inputs" in capsys.readouterr().err


def test_a_column_of_another_type_is_refused(
    shared: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document wants a text, and the table has a number there."""
    shared.session().run("create table churn.lacking (id integer primary key, a float8, b float8)")
    path, rows = tmp_path / "m.pmml", tmp_path / "rows.csv"
    path.write_bytes(_pmml(kind="string", terms='<CategoricalPredictor name="b" value="x" coefficient="1"/>'))
    rows.write_text(_ROWS)
    arguments = ["publish", "bad", str(path), "--golden", str(rows), "--expect", "told", "--profile", "churn.lacking"]
    assert run([*arguments, "--dsn", shared.dsn()]) == 1
    assert "column b of churn.lacking is double precision, and the model reads texts there" in capsys.readouterr().err
