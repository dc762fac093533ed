"""Lines of the command in a notebook: they say what a shell shows, and end in an exception where it would fail."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from pgscore.command.app import app
from pgscore.command.publish import publish
from pgscore.command.run import run
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATHS = ("file", "golden", "key")
# What may be a variable of the notebook instead of a file.
_OBJECTS = ("file", "golden")


class MagicError(PgscoreError):
    """What a magic was refused; a notebook shows the sentence and the hint, and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self), *([f"hint: {self.hint}"] if self.hint else [])]


def run_line(arguments: Sequence[str], variables: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Runs a line; gives what its command gives, such as a comparison, else None.

    Raises:
        MagicError: the command would have exited with another code than 0.
    """
    found: list[Any] = []

    def invoke(given: list[str]) -> object:
        if given[:1] == ["publish"] and "--help" not in given:
            return _publish(given[1:], variables)
        found.append(get_command(app).main(given, "pgscore", standalone_mode=False))
        return found[0]

    said = io.StringIO()
    with redirect_stderr(said):
        code = run(arguments, invoke)
    if code:
        raise MagicError(said.getvalue().strip() or f"pgscore {arguments[0]}: what is printed above is a problem")
    sys.stderr.write(said.getvalue())
    return found[0] if found and not isinstance(found[0], int) else None


def _publish(given: list[str], variables: Mapping[str, Any]) -> object:
    context = get_command(app).commands["publish"].make_context("pgscore publish", given)  # type: ignore[attr-defined]
    values = dict(context.params)
    for name in _PATHS:
        text = values[name]
        if text is None:
            continue
        is_variable = name in _OBJECTS and str(text) in variables
        values[name] = variables[str(text)] if is_variable else Path(text)
    return publish(**values)
