"""What writing a model says it did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExportedModel:
    """A file that a version was written to.

    Attributes:
        model: the model's name.
        version: the version.
        path: the file.
        format: ``onnx``, ``pmml`` or ``json``.
        bytes: how large it is.
        sha256: the hexadecimal sha256 of the file.
        checked_by: what evaluated the file before it was put in its place.
        rows: on how many rows: golden ones, and those made of them.
        largest_difference: by how much a number was off at most.
        notes: what whoever evaluates it has to know, a sentence each.
    """

    model: str
    version: int
    path: Path
    format: str
    bytes: int
    sha256: str
    checked_by: str
    rows: int
    largest_difference: float
    notes: list[str]
