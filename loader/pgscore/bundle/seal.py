"""The seal of a bundle: a SHA-256 of what it says, and the signature of a key over that."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from .canonical import canonical
from .opened import SEALS, message

if TYPE_CHECKING:
    from pathlib import Path


def sealed(document: dict[str, Any], key: Path | None = None) -> str:
    """The canonical text of a document with its SHA-256 and, where there is a private key, its signature.

    Raises:
        PgscoreError: the key cannot be read.
        ValueError: a number is none that JSON, and a double, holds.
    """
    stated = canonical({name: value for name, value in document.items() if name not in SEALS})
    seal: dict[str, Any] = {"sha256": hashlib.sha256(stated.encode()).hexdigest()}
    if key is not None:
        from pgscore.signing import sign_message

        signature = sign_message(message(seal["sha256"]), key)
        seal["signature"] = {"key_id": signature.key_id, "value": signature.value.hex()}
    # The version alone is sorted behind it.
    head, version, tail = stated.rpartition('"version":')
    return f"{head}{canonical(seal)[1:-1]},{version}{tail}"
