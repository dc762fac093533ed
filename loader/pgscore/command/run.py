"""Running the command: every way it can end is a line and an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import TYPE_CHECKING

import typer
from typer.main import get_command

from pgscore.errors import PgscoreError

from .app import app
from .interrupt import interrupted, interruptible

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE, _FAULT, _INTERRUPTED = 2, 70, 130
# The class of all wrong usages, wherever this typer keeps its click.
_ClickException: type[Exception] = typer.BadParameter.__mro__[2]


def run(arguments: Sequence[str]) -> int:
    """Runs the command and gives its exit code."""
    # Looked up here, so that it holds for what goes wrong before a command has its options, too.
    as_json = "--json" in arguments
    with interruptible():
        return _run(arguments, as_json=as_json)


def _run(arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        code = get_command(app).main(list(arguments) or ["--help"], "pgscore", standalone_mode=False)
    except PgscoreError as error:
        return _end(error.exit_code, str(error), error.hint, error.sqlstate, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except BrokenPipeError:
        # Who read our output has enough, as `head` has; nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if isinstance(error, _ClickException):
            return _end(_USAGE, *_usage(error), None, as_json=as_json)
        return _fault(error, as_json=as_json)
    if code == _INTERRUPTED or interrupted():
        return _end(_INTERRUPTED, "interrupted", "", None, as_json=as_json)
    return code if isinstance(code, int) else 0


def _usage(error: Exception) -> tuple[str, str]:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "pgscore"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return " ".join(message.split()), f"`{path} --help` shows what it takes."


def _fault(error: Exception, *, as_json: bool) -> int:
    if os.environ.get("PGSCORE_DEBUG") == "1":
        traceback.print_exception(error)
    message = f"this is a fault of pgscore, please report it: {type(error).__name__}: {' '.join(str(error).split())}"
    return _end(_FAULT, message, "With PGSCORE_DEBUG=1 it prints where it happened.", None, as_json=as_json)


def _end(code: int, message: str, hint: str, sqlstate: str | None, *, as_json: bool) -> int:
    if interrupted():
        code, message, hint, sqlstate = _INTERRUPTED, "interrupted", "", None
    if as_json:
        text = json.dumps({"error": message, "hint": hint, "sqlstate": sqlstate}, ensure_ascii=False)
    else:
        text = f"pgscore: {' '.join(message.split())}" + (f"\nhint: {' '.join(hint.split())}" if hint else "")
    sys.stdout.flush()
    print(text, file=sys.stderr)
    return code
