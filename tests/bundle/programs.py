"""Programs as bundles, rows as JSON, and what the interpreter gives for both."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pgscore_runtime import formulas, functions, links
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.links import link_outputs
from pgscore_runtime.program import parse_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pytest

    from tests.program.oracle import Program, Value

# What the C library and JavaScript compute otherwise in the last bits.
INEXACT = ("exp", "log", "log10", "tanh", "sin", "cos")


def document(program: Program, *, positive: int = 0) -> dict[str, Any]:
    """A bundle of a program without golden rows, of a version of no model in particular."""
    width = link_outputs(program["link"], len(program["scores"]))
    classes = [f"c{n}" for n in range(width)] if width > 1 else []
    inputs = [{name: each[name] for name in ("name", "type", "nullable")} for each in program["inputs"]]
    output = {"kind": "probability" if classes else "value", "classes": classes, "positive": positive}
    return {
        "bundle": 1,
        "model": "drawn",
        "version": 1,
        "program": program,
        "contract": {"inputs": inputs, "output": output if classes else output | {"positive": None}},
        "labels": classes,
        "golden": [],
        "bindings": [],
    }


def payload(program: Program, row: Sequence[Value]) -> dict[str, Any]:
    """A row as JSON has it."""
    return {each["name"]: _json(each["type"], value) for each, value in zip(program["inputs"], row, strict=True)}


def _json(kind: str, value: Value) -> Value | bool:
    if isinstance(value, str) or value is None:
        return value
    if kind == "boolean":
        return value == 1
    if math.isfinite(value):
        return value + 0.0
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124


def arrays(program: Program, row: Sequence[Value]) -> tuple[list[float | None], list[str | None]]:
    """A row as the interpreter takes it."""
    pairs = list(zip(program["inputs"], row, strict=True))
    numbers = [None if value is None else float(value) + 0.0 for each, value in pairs if each["type"] != "text"]
    return numbers, [None if value is None else str(value) for each, value in pairs if each["type"] == "text"]


def interpreted(program: Program, rows: Sequence[Sequence[Value]]) -> list[tuple[list[float] | None, str | None]]:
    """All outputs of rows, what decides behind them, and reasons of refusals, by the interpreter."""
    interpreter = Interpreter(parse_program(json.dumps(program)))
    return [interpreter.outputs(*arrays(program, row)) for row in rows]


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[float, float]]]:
    """What the inexact functions give, for each number that the interpreter asks them for meanwhile."""
    seen: dict[str, dict[float, float]] = {name: {} for name in INEXACT}

    def recording(name: str) -> Callable[[float], float]:
        real: Callable[[float], float] = getattr(math, name)

        def call(x: float) -> float:
            value = real(x)
            # JSON has no -0.0 and no infinity, and there both agree.
            if math.isfinite(value) and math.isfinite(x) and x != 0 and value != 0:
                seen[name][x] = value
            return value

        return call

    with monkeypatch.context() as patch:
        for name in INEXACT:
            patch.setattr(functions, name, recording(name))
        patch.setattr(links, "exp", recording("exp"))
        patch.setattr(formulas, "tanh", recording("tanh"))
        patch.setitem(functions.FUNCTIONS, "tanh", recording("tanh"))
        yield seen
