"""The tools themselves, where they are installed: they say what a file of theirs gives, as onnxruntime does of ONNX."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from pgscore.errors import PgscoreError
from pgscore.jpmml import java, said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from pgscore_runtime.contract import Output

    Outputs = list[list[Any] | None]
    # Of a file's content, an output and rows: for each row the label, or the value, then the classes' probabilities.
    Tool = Callable[[bytes, Output, pd.DataFrame], Outputs]

TOOLS = {"pmml": "jpmml_evaluator and Java", "mojo": "h2o and Java"}
"""By format, what is to be installed to have its files evaluated."""

_LINE_ENDS = {"\n", "\r"}
_MISSING = ("", "NA")
_SECONDS = 600
_PROBABILITY = "pgscore probability "


def tool_of(kind: str) -> Tool | None:
    """What evaluates files of a format here; None where it is not installed."""
    if kind == "pmml" and find_spec("jpmml_evaluator") is not None and _has_java():
        return _jpmml
    if kind == "mojo" and _h2o_jar() is not None and _has_java():
        return _genmodel
    return None


def askable(kind: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that the tool can be asked about.

    PredictCsv takes a text with a line's end for two lines, and these words for a missing one.
    """
    if kind != "mojo" or rows.empty:
        return rows
    lost = rows.map(lambda value: isinstance(value, str) and (bool(_LINE_ENDS & {*value}) or value in _MISSING))
    return rows[~lost.any(axis=1)]


def _has_java() -> bool:
    return shutil.which("java") is not None


def _jpmml(content: bytes, output: Output, rows: pd.DataFrame) -> Outputs:
    """JPMML-Evaluator: https://github.com/jpmml/jpmml-evaluator-python."""
    from jpmml_evaluator import PythonEvaluatorUtil, make_evaluator

    # Missing is None to Java, and numbers are doubles.
    data = [[None if _is_missing(value) else value for value in rows[name].tolist()] for name in rows.columns]
    given = {"columns": list(rows.columns), "data": data}
    with tempfile.TemporaryDirectory() as folder, java() as backend:
        path = Path(folder) / "model.pmml"
        path.write_bytes(_with_probabilities(content, output))
        try:
            evaluator = make_evaluator(str(path), backend=backend)
            targets = [each.getName() for each in evaluator.getTargetFields()]
            found = PythonEvaluatorUtil.evaluateAll(backend, evaluator.javaEvaluator, given, None, 1)
        except Exception as error:
            raise PgscoreError(f"JPMML-Evaluator refuses the file: {said(error)}") from None
    told = dict(zip(found["columns"], found["data"], strict=True))
    names = [*targets[:1], *(f"{_PROBABILITY}{number}" for number in range(len(output.classes)))]
    nothing = [None] * len(rows)
    failed = found["errors"] or nothing
    lines = zip(*(told.get(name, nothing) for name in names), strict=True)
    return [
        None if error is not None or _is_missing(line[0]) else list(line)
        for line, error in zip(lines, failed, strict=True)
    ]


def _with_probabilities(content: bytes, output: Output) -> bytes:
    """The document with an output field for the probability of each class, which it need not have."""
    if output.kind != "probability":
        return content
    from defusedxml import ElementTree as Safe

    root = Safe.fromstring(content)
    namespace = root.tag.partition("}")[0].lstrip("{")
    ET.register_namespace("", namespace)
    model = next(each for each in root if each.find(f"{{{namespace}}}MiningSchema") is not None)
    fields = model.find(f"{{{namespace}}}Output")
    if fields is None:
        place = list(model).index(model.find(f"{{{namespace}}}MiningSchema")) + 1
        fields = ET.Element(f"{{{namespace}}}Output")
        model.insert(place, fields)
    for number, label in enumerate(output.classes):
        attributes = {"name": f"{_PROBABILITY}{number}", "optype": "continuous", "dataType": "double"}
        ET.SubElement(
            fields, f"{{{namespace}}}OutputField", {**attributes, "feature": "probability", "value": _word(label)}
        )
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _word(label: Any) -> str:  # noqa: ANN401
    return str(label).lower() if isinstance(label, bool) else str(label)


def _is_missing(value: Any) -> bool:  # noqa: ANN401
    return value is None or value != value  # noqa: PLR0124  NaN


def _h2o_jar() -> Path | None:
    found = find_spec("h2o")
    folders = [] if found is None else list(found.submodule_search_locations or [])
    jars = [Path(folder) / "backend" / "bin" / "h2o.jar" for folder in folders]
    return next((jar for jar in jars if jar.exists()), None)


def _genmodel(content: bytes, output: Output, rows: pd.DataFrame) -> Outputs:
    """H2O's genmodel, as `h2o.mojo_predict_csv` calls it."""
    with tempfile.TemporaryDirectory() as folder:
        mojo, given, scored = (Path(folder) / name for name in ("mojo.zip", "given.csv", "scored.csv"))
        mojo.write_bytes(content)
        with given.open("w", newline="") as file:
            for line in [list(rows.columns), *rows.to_numpy(dtype=object).tolist()]:
                file.write(",".join(map(_java, line)) + "\n")
        arguments = ["--mojo", str(mojo), "--input", str(given), "--output", str(scored), "--decimal"]
        run = subprocess.run(  # noqa: S603  the jar of the installed package
            ["java", "-Xmx2g", "-cp", str(_h2o_jar()), "hex.genmodel.tools.PredictCsv", *arguments],  # noqa: S607
            capture_output=True, text=True, check=False, timeout=_SECONDS,
        )  # fmt: skip
        if run.returncode != 0 or not scored.exists():
            said = (run.stderr or run.stdout).strip().splitlines()
            raise PgscoreError(f"H2O's genmodel refuses the file: {said[0] if said else 'it says nothing'}")
        told = list(csv.reader(io.StringIO(scored.read_text())))
    wanted = 1 + len(output.classes)
    return [_numbers(line[:wanted], output) for line in told[1:]]


def _java(value: Any) -> str:  # noqa: ANN401
    """A field as PredictCsv reads it, by opencsv, which takes a backslash away; empty is missing."""
    if _is_missing(value):
        return ""
    if isinstance(value, float) and value in (inf, -inf):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, float):
        return repr(value)
    text = str(value).replace("\\", "\\\\").replace('"', '""')
    return f'"{text}"'


def _numbers(line: Sequence[str], output: Output) -> list[Any] | None:
    if any(each in ("", "NA", "NaN") for each in line):
        return None
    return [line[0] if output.classes else float(line[0]), *map(float, line[1:])]
