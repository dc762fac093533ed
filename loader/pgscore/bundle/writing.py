"""Bundles to files: one, or a folder with what a browser takes beside it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from pgscore.errors import PgscoreError

_JAVASCRIPT = Path(__file__).with_name("javascript")
# What evaluates a bundle in a browser, in Node and in a worker.
_MODULE = ("pgscore.js", "pgscore.d.ts", "package.json")


def write_bundle(text: str, model: str, target: str) -> list[Path]:
    """Writes a bundle to a file; or to a folder (a name that ends in a slash, or is there), with the JavaScript module.

    Returns:
        The files, that of the bundle first. A file that was there before is replaced as a whole; but the package.json
        of another package stays.

    Raises:
        PgscoreError: a file cannot be written.
    """
    path = Path(target)
    if not target.endswith(("/", os.sep)) and not path.is_dir():
        return [_written(path, text.encode())]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PgscoreError(f"{path} cannot be made: {error.strerror}") from None
    module = [_JAVASCRIPT / name for name in _MODULE if (_JAVASCRIPT / name).is_file() and _may_write(path / name)]
    return [
        _written(path / f"{model}.json", text.encode()),
        *(_written(path / each.name, each.read_bytes()) for each in module),
    ]


def _may_write(path: Path) -> bool:
    """Whether it is ours, or not there: a folder of somebody's project has a package.json of its own."""
    if path.name != "package.json" or not path.exists():
        return True
    try:
        return bool(json.loads(path.read_bytes())["name"] == "pgscore")
    except (OSError, ValueError, TypeError, LookupError):
        return False


def _written(path: Path, content: bytes) -> Path:
    # Whoever reads it meanwhile has the former one, or this one.
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise PgscoreError(f"{path} cannot be written: {error.strerror}") from None
    return path
