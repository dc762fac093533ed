"""Loading a bundle, wherever it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError

from .evaluate import Bundle
from .opened import opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgscore.signing import PublicKey

_RAW = 32


def load(
    bundle: str | os.PathLike[str] | bytes | Mapping[str, Any],
    *,
    key: PublicKey | str | os.PathLike[str] | bytes | None = None,
) -> Bundle:
    """Loads a bundle, and proves it by its golden rows.

    Args:
        bundle: its file, its bytes, or the document itself.
        key: a public key, its file in PEM, or its 32 bytes, which must have signed it; None: any, or none.

    Raises:
        PgscoreError: there is no such file, it is no bundle, it was changed, the key has not signed it, or a golden row
            gives anything else than the fitted estimator gave.
    """
    content = _read(os.fspath(bundle)) if isinstance(bundle, str | os.PathLike) else bundle
    return Bundle(opened(content, None if key is None else _raw(key)))


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise PgscoreError(f"{path} cannot be read: {error.strerror}") from None


def _raw(key: PublicKey | str | os.PathLike[str] | bytes) -> bytes:
    if isinstance(key, bytes):
        if len(key) != _RAW:
            raise PgscoreError(f"a public key has {_RAW} bytes, and {len(key):,} are given")
        return key
    if isinstance(key, str | os.PathLike):
        from pathlib import Path

        from pgscore.signing import read_public_key

        return read_public_key(Path(key)).raw
    return key.raw
