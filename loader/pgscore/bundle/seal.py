"""The seal of a bundle: a SHA-256 of what it says, and the signature of a key over that."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from .canonical import canonical
from .opened import SEALS, message

if TYPE_CHECKING:
    from pathlib import Path


def seal(document: dict[str, Any], key: Path | None = None) -> dict[str, Any]:
    """The document with its SHA-256 and, where there is a private key, its signature.

    Raises:
        PgscoreError: the key cannot be read.
    """
    stated = {name: value for name, value in document.items() if name not in SEALS}
    sha256 = hashlib.sha256(canonical(stated).encode()).hexdigest()
    if key is None:
        return {**stated, "sha256": sha256}
    from pgscore.keys import sign_message

    signature = sign_message(message(sha256), key)
    return {
        **stated,
        "sha256": sha256,
        "signature": {"key_id": signature.key_id, "value": signature.value.hex()},
    }
