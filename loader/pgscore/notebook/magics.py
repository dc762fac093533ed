"""The magics."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class

from .lines import MagicError, run_line
from .scoring import score_cell

if TYPE_CHECKING:
    import pandas as pd


@magics_class
class PgscoreMagics(Magics):
    """`%pgscore` and `%%score`."""

    @line_magic
    def pgscore(self, line: str) -> Any:  # noqa: ANN401
        """Runs a line of the command: %pgscore publish churn pipeline --golden customers --promote.

        The database is that of PGSCORE_DSN, or of --dsn. `publish` takes variables for the model and for --golden.
        `compare` and `explain` give what they found, which shows as a plot.
        """
        return run_line(shlex.split(line), self._variables)

    @cell_magic
    def score(self, line: str, cell: str) -> pd.DataFrame | None:
        """Scores the rows of a cell: %%score churn [--into NAME] [--as COLUMN] [--dsn DSN].

        The cell is a query; or rows as JSON, an array of objects or an object on each line; or an expression of Python
        that gives a DataFrame or a list of dicts.
        """
        given = _options().parse_args(shlex.split(line))
        found = score_cell(given.dsn, given.model, cell, given.column, self._variables)
        if given.into is None:
            return found
        self._variables[given.into] = found
        return None

    @property
    def _variables(self) -> dict[str, Any]:
        shell: Any = self.shell
        variables: dict[str, Any] = shell.user_ns
        return variables


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise MagicError(f"%%score: {message}", "%%score? shows what it takes.")


def _options() -> argparse.ArgumentParser:
    parser = _Parser(prog="%%score", add_help=False)
    parser.add_argument("model")
    parser.add_argument("--into")
    parser.add_argument("--as", dest="column", default="score")
    parser.add_argument("--dsn", default=None)
    return parser
