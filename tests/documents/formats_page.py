"""The page of what files of other tools are read and written: what stands in the tables of readers and writers."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from pgscore.readers import entry
from pgscore.readers.mojo.document import VERSIONS
from pgscore.readers.mojo.reading import ALGORITHMS
from pgscore.readers.onnx.graph import OPSETS
from pgscore.readers.onnx.reader import ML_OPERATORS, OPERATORS
from pgscore.readers.pmml import aggregates, arithmetic, expressions, logic, text_functions
from pgscore.readers.pmml.models import MODELS
from pgscore.readers.pmml.predicates import PREDICATES
from pgscore.readers.pmml.segments import METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping

assert entry


def formats_page() -> str:
    """All that has a reader, with what the reader says of itself."""
    functions = {
        "if": _if, **aggregates.FUNCTIONS, **arithmetic.FUNCTIONS, **logic.FUNCTIONS, **text_functions.FUNCTIONS
    }  # fmt: skip
    oldest, newest = OPSETS[""]
    oldest_ml, newest_ml = OPSETS["ai.onnx.ml"]
    lines = [
        "# What is read of ONNX, PMML and MOJO",
        "",
        "As the readers' tables have it. Anything else is refused with its place, or, of ONNX, left to the",
        "[engine `onnx`](../guide/onnx-engine.md). [ONNX, PMML and MOJO](../guide/formats.md): how to publish them.",
        "",
        "## ONNX",
        "",
        f"Opsets {oldest} to {newest}; of `ai.onnx.ml` {oldest_ml} to {newest_ml}.",
        "",
        *_table("operator", OPERATORS),
        *_table("operator of `ai.onnx.ml`", ML_OPERATORS),
        "## PMML",
        "",
        *_table("model", MODELS),
        *_table("predicate", PREDICATES),
        *_table("expression", expressions.EXPRESSIONS),
        *_table("function of Apply", functions),
        "Of a MiningModel the methods " + ", ".join(f"`{each}`" for each in METHODS) + ".",
        "",
        "## MOJO",
        "",
        "| algorithm | versions | |",
        "| --- | --- | --- |",
        *(
            f"| {name} | {', '.join(f'{each:.2f}' for each in VERSIONS[name])} | {_says(reader)} |"
            for name, reader in ALGORITHMS.items()
        ),
        "",
    ]
    return "\n".join(lines)


def _if() -> None:
    """The second where the first is true, else the third, or missing."""


def _table(what: str, readers: Mapping[str, Any]) -> list[str]:
    rows = [f"| `{name}` | {_says(readers[name])} |" for name in sorted(readers, key=str.lower)]
    return [f"| {what} | |", "| --- | --- |", *rows, ""]


def _says(reader: Any) -> str:  # noqa: ANN401
    """The first sentence of what a reader says of itself."""
    found = inspect.getdoc(reader) or ""
    first = re.split(r"(?<=[.:])\s", " ".join(found.split("\n\n")[0].split()))[0]
    return first.rstrip(".:").replace("|", "\\|")
