"""The `pgscore` command."""

from __future__ import annotations

import sys

# Importing a part adds its commands, and `--help` lists them in this order.
# isort: off
from . import install, publish, release, bindings, batch, registry, listen, overview, export  # noqa: F401
from . import export_model, bundle, stream, keys, engines, doctor, rescue  # noqa: F401

# isort: on
from .app import app
from .run import run

__all__ = ["app", "main", "run"]


def main() -> None:
    """The entry point: runs the command with the program's arguments and exits with its code."""
    sys.exit(run(sys.argv[1:]))
