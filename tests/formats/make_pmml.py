"""Makes PMML documents for this folder, and what jpmml-evaluator predicts of their rows beside them.

Run in an environment that has `requirements-pmml.txt`, with Java: ``python make_pmml.py [word in a name ...]``. It prints
what it made, and refuses rows of which the evaluator could say more than a CSV holds.
"""

from __future__ import annotations

import csv
import inspect
import math
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jpmml_evaluator
import pmml_documents
import pmml_functions
import pmml_models
import pmml_pipelines
from jpmml_evaluator.jpype import JPypeBackend
from sklearn2pmml import sklearn2pmml

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "pmml"
_MOST_BYTES = 40_000
_MOST_ROWS = 70
_TWO = 2


def documents() -> dict[str, Callable[[], tuple[str, list[dict[str, Any]]]]]:
    """Those that are written by hand, by name."""
    found = dict(pmml_functions.OTHERS)
    for module in (pmml_documents, pmml_models, pmml_functions):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and name[0] != "_" and "Row]]" in str(inspect.signature(function)):
                found[name] = function
    return found


def classes_of(text: str) -> tuple[str, ...]:
    """The classes in the order of the Output's probabilities; of two in that of the data dictionary."""
    named = re.findall(r'<OutputField name="probability\(([^"]*)\)"[^>]*\bvalue="([^"]*)"', text)
    found = tuple(value for name, value in named if name == value)
    listed = re.search(r'<DataField name="y"[^>]*>(.*?)</DataField>', text, re.DOTALL)
    values = tuple(re.findall(r'<Value value="([^"]*)"', listed[1])) if listed else ()
    return values if len(found) == _TWO and set(values) == set(found) else found


def expected(evaluator: Any, row: dict[str, Any], classes: tuple[str, ...], kind: str) -> dict[str, str]:  # noqa: ANN401
    """The columns of what is predicted; empty where it is nothing, or refused."""
    names = ["value"] if kind == "regression" else ["label", *classes]
    try:
        found = evaluator.evaluate(dict(row))
    except jpmml_evaluator.JavaError:
        return dict.fromkeys(names, "")
    label = found.get("y", found.get(None))
    if kind == "regression":
        return {"value": written(label)}
    chances = {name: found.get(f"probability({name})") for name in classes}
    if label is None or None in chances.values():
        return dict.fromkeys(names, "")
    return {"label": written(label), **{name: written(value) for name, value in chances.items()}}


def written(value: Any) -> str:  # noqa: ANN401
    """A value as the CSV has it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def write(name: str, text: str, rows: list[dict[str, Any]], backend: JPypeBackend) -> None:
    """Writes a document, and what is predicted of the rows."""
    content = text.encode()
    evaluator = jpmml_evaluator.make_evaluator(content, backend=backend)
    kind = re.search(r'functionName="(\w+)"', text)
    assert kind is not None
    classes = classes_of(text)
    lines = []
    for row in rows[:_MOST_ROWS]:
        found = expected(evaluator, row, classes, kind[1])
        if kind[1] == "clustering" or (kind[1] == "classification" and not classes):
            if not found["label"]:
                # A row without a label has no columns that could say so.
                continue
        given = {field: written(value) for field, value in row.items()}
        # An empty text is no missing one, and a CSV cannot tell them apart.
        if not any(value == "" for value in row.values()):
            lines.append({**given, **{f"expected:{each}": value for each, value in found.items()}})
    assert len(content) < _MOST_BYTES, (name, len(content))
    (FOLDER / f"{name}.pmml").write_bytes(content)
    with (FOLDER / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    print(f"{name}: {len(content):,} bytes, {len(lines)} rows")  # noqa: T201


def main(words: list[str]) -> None:
    """Makes all, or those whose names hold one of the words."""
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    chosen = {name: make for name, make in documents().items() if not words or any(word in name for word in words)}
    fitted = {name: make for name, make in pmml_pipelines.PIPELINES.items() if not words or any(w in name for w in words)}
    JPypeBackend.createJVM()
    backend = JPypeBackend()
    for name, make in sorted(chosen.items()):
        write(name, *make(), backend)
    for name, fit in sorted(fitted.items()):
        pipeline, rows = fit()
        with tempfile.NamedTemporaryFile(suffix=".pmml") as file:
            sklearn2pmml(pipeline, file.name)
            text = Path(file.name).read_text()
        # The time of the day is not part of it.
        text = re.sub(r"\s*<Timestamp>[^<]*</Timestamp>", "", text).replace("\t", " ")
        write(name, text, rows, backend)


if __name__ == "__main__":
    main(sys.argv[1:])
