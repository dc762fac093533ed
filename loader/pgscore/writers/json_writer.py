"""A version as one document of JSON: its contract, its program and, where they are wanted, its golden rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .source import SourceVersion

FORMAT = 1


def write_json(source: SourceVersion, *, golden: bool) -> bytes:
    """The document.

    Its ``sha256`` is that of the document without it, keys sorted, without blanks, in UTF-8.
    """
    document: dict[str, Any] = {
        "pgscore": FORMAT,
        "model": source.model,
        "version": source.version,
        "digest": source.digest,
        "format": source.format,
        "contract": json.loads(source.contract_text),
        "program": json.loads(source.text),
    }
    if golden:
        document["golden"] = [_plain(asdict(row)) for row in source.golden or []]
    document["sha256"] = document_sha256(document)
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n").encode()


def document_sha256(document: dict[str, Any]) -> str:
    """The hexadecimal sha256 of a document, whatever it says of that itself."""
    stated = {name: value for name, value in document.items() if name != "sha256"}
    text = json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Numbers that JSON lacks as texts, as golden rows have them."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124  NaN
    return value
