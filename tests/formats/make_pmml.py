# mypy: ignore-errors
"""Makes PMML documents for this folder, and what jpmml-evaluator predicts of their rows beside them.

Run in an environment that has `requirements-pmml.txt`, with Java: ``python make_pmml.py [word in a name ...]``. It
prints what it made.
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
from jpmml_evaluator.jpype import JPypeBackend
from nyoka import skl_to_pmml
from sklearn2pmml import sklearn2pmml

# The tests' own package is found wherever this is called.
sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.formats import pmml_centers, pmml_codes, pmml_documents, pmml_functions, pmml_models, pmml_pipelines

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "pmml"
_MOST_BYTES = 40_000
_MOST_ROWS = 70
_TWO = 2
# What a scorecard's outputs for reason codes are called.
_REASON = "reason:"


def documents() -> dict[str, Callable[[], tuple[str, list[dict[str, Any]]]]]:
    """Those that are written by hand, by name."""
    found = dict(pmml_functions.OTHERS)
    for module in (pmml_centers, pmml_codes, pmml_documents, pmml_models, pmml_functions):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if (
                function.__module__ == module.__name__
                and name[0] != "_"
                and "Row]]" in str(inspect.signature(function))
            ):
                found[name] = function
    return found


def outputs_of(text: str) -> dict[str, str]:
    """The output field of each class's probability."""
    fields = [dict(re.findall(r'(\w+)="([^"]*)"', each)) for each in re.findall(r"<OutputField ([^>]*)>", text)]
    chances = {
        each["value"]: each["name"] for each in fields if each.get("feature") == "probability" and "value" in each
    }
    # What sklearn2pmml and nyoka call them; others are of segments, or asked for twice.
    return {value: name for value, name in chances.items() if name in (f"probability({value})", f"probability_{value}")}


def classes_of(text: str) -> tuple[str, ...]:
    """The classes in the order of the Output's probabilities; of two in that of the data dictionary."""
    found = tuple(outputs_of(text))
    listed = re.search(r'<DataField name="y"[^>]*>(.*?)</DataField>', text, re.DOTALL)
    values = tuple(re.findall(r'<Value value="([^"]*)"', listed[1])) if listed else ()
    return values if len(found) == _TWO and set(values) == set(found) else found


def expected(evaluator: Any, row: dict[str, Any], outputs: dict[str, str], kind: str) -> dict[str, str]:  # noqa: ANN401
    """The columns of what is predicted; empty where it is nothing, or refused."""
    names = ["value"] if kind == "regression" else ["label", *outputs]
    try:
        found = evaluator.evaluate(dict(row))
    except jpmml_evaluator.JavaError:
        return dict.fromkeys(names, "")
    label = found.get("y", found.get(None))
    if any(name.startswith(_REASON) for name in found):
        # No row has reason codes and no score.
        return {"value": written(label), **{name: found[name] or "" for name in found if name.startswith(_REASON)}}
    if kind == "regression":
        return {"value": written(label)}
    chances = {label_: found.get(name) for label_, name in outputs.items()}
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
    classes, outputs = classes_of(text), outputs_of(text)
    lines = []
    for row in rows[:_MOST_ROWS]:
        found = expected(evaluator, row, {each: outputs[each] for each in classes}, kind[1])
        if kind[1] != "regression" and not classes and not found["label"]:
            # A row without a label has no columns that could say so.
            continue
        given = {field: written(value) for field, value in row.items()}
        # An empty text is no missing one, and a CSV cannot tell them apart.
        if not any(value == "" for value in row.values()):
            named = {name if name.startswith(_REASON) else f"expected:{name}": each for name, each in found.items()}
            lines.append({**given, **named})
    assert len(content) < _MOST_BYTES, (name, len(content))
    (FOLDER / f"{name}.pmml").write_bytes(content)
    with (FOLDER / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, max(lines, key=len), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    print(f"{name}: {len(content):,} bytes, {len(lines)} rows")


def main(words: list[str]) -> None:
    """Makes all, or those whose names hold one of the words."""
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    chosen = {name: make for name, make in documents().items() if not words or any(word in name for word in words)}
    foreign = {name: make for name, make in pmml_pipelines.NYOKA.items() if not words or any(w in name for w in words)}
    fitted = {
        name: make for name, make in pmml_pipelines.PIPELINES.items() if not words or any(w in name for w in words)
    }
    JPypeBackend.createJVM()
    backend = JPypeBackend()
    for name, make in sorted(chosen.items()):
        write(name, *make(), backend)
    for name, fit in sorted({**fitted, **foreign}.items()):
        pipeline, rows = fit()
        with tempfile.NamedTemporaryFile(suffix=".pmml") as file:
            if name in foreign:
                skl_to_pmml(pipeline, list(rows[0]), "y", file.name)
            else:
                sklearn2pmml(pipeline, file.name)
            text = Path(file.name).read_text()
        # The time of the day is not part of it.
        text = re.sub(r"\s*<Timestamp>[^<]*</Timestamp>", "", text).replace("\t", " ").replace("    ", " ")
        write(name, text, rows, backend)


if __name__ == "__main__":
    main(sys.argv[1:])
