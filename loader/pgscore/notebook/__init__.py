"""Notebooks: `%load_ext pgscore`, then `%pgscore` and `%%score`; comparisons and explanations show as plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext pgscore` calls."""
    from . import plots
    from .magics import PgscoreMagics

    shell.register_magics(PgscoreMagics)
    plots.register(shell)
