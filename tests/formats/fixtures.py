"""Files of other tools, with the tools' own predictions beside them; and what a program of such a file gives."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pgscore.readers import absolute_terms, read_program
from pgscore_runtime.contract import Contract
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgscore.readers.documents import Document

FOLDER = Path(__file__).parent
_EXPECTED, _REASON = "expected:", "reason:"
_ROUNDINGS = 1e-12


@dataclass(frozen=True)
class Fixture:
    """A file, rows, and what its tool gives for them.

    Attributes:
        path: the file.
        rows: by input; texts as the CSV has them, None where a value is missing.
        expected: the columns that begin with ``expected:``, without that, likewise.
        reasons: of each row the reason codes, the first first: the columns that begin with ``reason:``.
    """

    path: Path
    rows: list[dict[str, str | None]]
    expected: list[dict[str, str | None]]
    reasons: list[list[str]] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return self.path.read_bytes()


def paths(kind: str) -> list[Path]:
    """The files of a format, by name: ``onnx``, ``pmml``, ``mojo``."""
    return sorted(path for path in (FOLDER / kind).iterdir() if path.suffix != ".csv")


def read_fixture(path: Path) -> Fixture:
    """A file and the CSV beside it."""
    with path.with_suffix(".csv").open(newline="") as file:
        lines = [{name: value or None for name, value in line.items()} for line in csv.DictReader(file)]
    rows = [
        {name: value for name, value in line.items() if not name.startswith((_EXPECTED, _REASON))} for line in lines
    ]
    expected = [
        {name.removeprefix(_EXPECTED): value for name, value in line.items() if name.startswith(_EXPECTED)}
        for line in lines
    ]
    reasons = [[value for name, value in line.items() if name.startswith(_REASON) and value] for line in lines]
    return Fixture(path, rows, expected, reasons)


def contract_of(document: Document, kind: str) -> Contract:
    """The contract of a document that has one."""
    return Contract(kind, document.inputs, False, "none", document.output, dict(document.libraries))


def check(document: Document, fixture: Fixture, kind: str) -> None:
    """Asserts that a document's program gives what its tool gave, for each row.

    A row without a value of the tool's has none of the program's either. Probabilities and values agree within the
    tolerance that the program has, and the predicted label where two probabilities are not next to each other.
    """
    contract = contract_of(document, kind)
    reading = read_program(document, contract)
    program = parse_program(json.dumps(reading.program))
    interpreter = Interpreter(program)
    relative = _ROUNDINGS if reading.tolerance is None else reading.tolerance.relative
    for number, (row, expected) in enumerate(zip(fixture.rows, fixture.expected, strict=True)):
        place = f"{fixture.path.name}, row {number + 1}: {row}"
        numbers, texts = _handed(contract, row)
        found, reason = interpreter.outputs(numbers, texts)
        wanted = {name: _number(value) for name, value in expected.items() if name != "label"}
        if any(value is None or math.isnan(value) for value in wanted.values()):
            assert found is None or any(math.isnan(each) for each in found), f"{place} has {found}, and the tool none"
            continue
        assert found is not None, f"{place} has no outputs ({reason}), and the tool has {wanted}"
        (scale,) = absolute_terms(reading.program, [_jsonable(contract, row)])
        terms = 0.0 if reading.tolerance is None else reading.tolerance.terms
        largest = relative * max(1.0, scale, terms)
        for output, (name, value) in zip(found, wanted.items(), strict=False):
            near = output == value or abs(output - cast("float", value)) <= largest * max(1.0, abs(output))
            assert near, f"{place} has {name} {output!r}, and the tool {value!r}"
        if expected.get("label") is not None:
            _check_label(contract, found, str(expected["label"]), largest, place)


def _check_label(contract: Contract, found: list[float], label: str, distance: float, place: str) -> None:
    classes = contract.output.classes
    deciding = found[len(classes) :] or found[: len(classes)]
    best, *others = sorted(range(len(deciding)), key=lambda n: deciding[n], reverse=True)
    if others and deciding[best] - deciding[others[0]] <= 2 * distance:
        return
    assert _same(classes[best], label), f"{place} is a {classes[best]!r}, and to the tool a {label!r}"


def _same(known: object, label: str) -> bool:
    return str(known) == label or (isinstance(known, int | float) and float(label) == float(known))


def _handed(contract: Contract, row: Mapping[str, str | None]) -> tuple[list[float | None], list[str | None]]:
    """A row as the runtime takes it: numbers and texts apart."""
    numbers = [_number(row[each.name]) for each in contract.inputs if not each.is_text]
    return numbers, [row[each.name] for each in contract.inputs if each.is_text]


def _jsonable(contract: Contract, row: Mapping[str, str | None]) -> dict[str, Any]:
    """A row as golden rows have it."""
    return {each.name: row[each.name] if each.is_text else _finite(row[each.name]) for each in contract.inputs}


def _finite(value: str | None) -> float | str | None:
    number = _number(value)
    if number is None or math.isnan(number):
        return None
    return number if math.isfinite(number) else ("Infinity" if number > 0 else "-Infinity")


def _number(value: str | None) -> float | None:
    if value is None:
        return None
    return {"true": 1.0, "false": 0.0}.get(value.lower()) if value.lower() in ("true", "false") else float(value)
