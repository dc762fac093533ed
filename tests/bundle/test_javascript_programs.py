"""pgscore.js gives what the interpreter gives: to the bit, but for the last bits of exp and its like."""

from __future__ import annotations

import math
import random
import re
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.program.strategies import EXTREMES, FUNCTION_NAMES, programs, rows
from tests.support.examples import examples

from .programs import INEXACT, document, interpreted, payload, recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.program.oracle import Program

    from .node import Node

_fuzz = settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
# By how many units in the last place V8's functions may be away from the C library's: docs/guide/browser.md says so.
_MOST_ULPS = {"exp": 1, "log": 1, "log10": 2, "tanh": 3, "sin": 1, "cos": 1}


def bits(value: float | None) -> bytes | None:
    """A double as it is, of which there is one NaN."""
    return None if value is None else struct.pack(">d", math.nan if value != value else value)  # noqa: PLR0124


def _unquoted(reason: str | None) -> str | None:
    """A reason without the text in it, which Python quotes otherwise."""
    return reason and re.sub(r""" is (['"]).*\1?(\.\.\.)?, which""", " is …, which", reason)


def _label(program: Program, outputs: Sequence[float]) -> str | None:
    """The label that the database makes of outputs and what decides."""
    deciding = outputs[len(outputs) // 2 :] if "decide" in program else outputs
    if any(map(math.isnan, outputs)):
        return None
    ties = [n for n, each in enumerate(deciding) if each == max(deciding)]
    return f"c{ties[0 if program['tie'] == 'first' else -1]}"


@_fuzz
@given(data=st.data())
def test_drawn_programs_are_equal_to_the_bit(node: Node, data: st.DataObject) -> None:
    program = data.draw(programs())
    table = [data.draw(rows(program)) for _ in range(8)]
    with pytest.MonkeyPatch.context() as patch, recorded(patch) as seen:
        wanted = interpreted(program, table)
    node.ask("give", functions={name: list(pairs.items()) for name, pairs in seen.items()})
    node.ask("open", document=document(program))
    payloads = [payload(program, row) for row in table]
    answers = zip(*(node.rows(method, payloads) for method in ("outputs", "reason", "predict", "score")), strict=True)
    for (outputs, reason), (found, why, predicted, score) in zip(wanted, answers, strict=True):
        assert _unquoted(why) == _unquoted(reason)
        if outputs is None:
            assert (found, predicted, score) == (None, None, None)
            continue
        assert list(map(bits, found)) == list(map(bits, outputs[: len(found)]))
        assert bits(score) == (None if math.isnan(outputs[0]) else bits(outputs[0]))
        label = _label(program, outputs)
        assert (predicted and predicted.get("label")) == (label if len(found) > 1 else None)
        assert (predicted is None) == (label is None)


def _neighbours(x: float) -> list[float]:
    return [x, math.nextafter(x, math.inf), math.nextafter(x, -math.inf)]


# Where branches and ranges of the functions end.
_BORDERS = [0.5, 1.5, 2.5, -0.5, 20, 22, 709.78, 745.13, math.log(2), math.pi / 2, 1e16, 2.0**52, 2.0**53, 1e-8, 1e-17]
_NUMBERS = [near for x in [*EXTREMES, *_BORDERS] for near in (*_neighbours(x), *_neighbours(-x))]
_numbers = st.one_of(st.floats(-40, 40), st.floats(-1.5, 1.5), st.floats(), st.sampled_from(_NUMBERS))


def _of_one_number(name: str) -> Program:
    return {
        "program": 1,
        "inputs": [{"name": "x", "type": "double precision", "nullable": True}],
        "steps": [{"step": "function", "of": 0, "name": name}],
        "scores": [1],
        "link": "identity",
        "tie": "first",
    }


@pytest.mark.parametrize("name", FUNCTION_NAMES)
@settings(_fuzz, max_examples=10)
@given(values=st.lists(_numbers, min_size=100, max_size=100))
def test_a_function_is_the_interpreters(node: Node, name: str, values: list[float]) -> None:
    program = _of_one_number(name)
    node.ask("give", functions={})
    node.ask("open", document=document(program))
    found = node.rows("outputs", [payload(program, [value]) for value in values])
    for value, (wanted, _), outputs in zip(values, interpreted(program, [[x] for x in values]), found, strict=True):
        assert wanted is not None
        _alike(name, value, outputs[0], wanted[0])


def _alike(name: str, x: float, found: float, wanted: float) -> None:
    if name not in INEXACT and name not in ("expit", "log1p", "expm1", "logit"):
        assert bits(found) == bits(wanted), x
        return
    # The last bits of a logarithm next to 1 are as small as those of 1.
    slack = _MOST_ULPS.get(name, 4) * max(math.ulp(wanted), 0 if name in _MOST_ULPS else 1e-16 * abs(wanted))
    assert bits(found) == bits(wanted) or abs(found - wanted) <= slack, (x, found, wanted)


@pytest.mark.parametrize("name", INEXACT)
def test_v8_is_within_units_of_the_c_library(node: Node, name: str) -> None:
    drawn = random.Random(0)  # noqa: S311
    values = [drawn.uniform(-30, 30) for _ in range(20_000)] + [drawn.uniform(-1, 1) for _ in range(20_000)]
    values = [abs(x) for x in values] if name.startswith("log") else values
    node.ask("give", functions={})
    found = node.ask("calls", name=name, values=values)
    wanted = [getattr(math, name)(x) for x in values]
    most = max(abs(a - b) / math.ulp(b) for a, b in zip(found, wanted, strict=True))
    print(name, most)
    assert most <= _MOST_ULPS[name]
