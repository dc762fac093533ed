"""Running the command: every way it can end is a line and an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import sys
import traceback
from itertools import pairwise
from typing import TYPE_CHECKING

import typer
from psycopg2.extensions import make_dsn
from typer.main import get_command

from pgscore.dsn import without_passwords
from pgscore.errors import PgscoreError

from .app import app
from .interrupt import interrupted, interruptible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_USAGE, _FAULT, _INTERRUPTED = 2, 70, 130
# What the extra `publish` brings, and the command does without until it reads a model.
_EXTRA = ("joblib", "numpy", "pandas", "sklearn", "skops", "treelite")
# The class of all wrong usages, wherever this typer keeps its click.
_ClickException: type[Exception] = typer.BadParameter.__mro__[2]


def run(arguments: Sequence[str], invoke: Callable[[list[str]], object] | None = None) -> int:
    """Runs the command and gives its exit code.

    Args:
        arguments: what follows the command's name.
        invoke: what runs them, a notebook's for example; None: the command.
    """
    # Looked up here, so that it holds for what goes wrong before a command has its options, too.
    as_json = "--json" in arguments
    with interruptible():
        return _run(arguments, invoke or _invoke, as_json=as_json)


def _invoke(arguments: list[str]) -> object:
    return get_command(app).main(arguments, "pgscore", standalone_mode=False)


def _run(arguments: Sequence[str], invoke: Callable[[list[str]], object], *, as_json: bool) -> int:
    try:
        code = invoke(list(arguments) or ["--help"])
    except PgscoreError as error:
        return _end(error.exit_code, str(error), error.hint, error.sqlstate, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except BrokenPipeError:
        # Who read our output has enough, as `head` has; nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _failed(error, arguments, as_json=as_json)
    if code == _INTERRUPTED or interrupted():
        return _end(_INTERRUPTED, "interrupted", "", None, as_json=as_json)
    return code if isinstance(code, int) else 0


def _failed(error: Exception, arguments: Sequence[str], *, as_json: bool) -> int:
    if isinstance(error, _ClickException):
        return _end(_USAGE, *_usage(error), None, as_json=as_json)
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRA:
        message = f"reading models needs {error.name}, which this Python does not have"
        return _end(PgscoreError.exit_code, message, "pip install 'pgscore[publish]' brings it.", None, as_json=as_json)
    return _fault(error, _given_dsns(arguments), as_json=as_json)


def _usage(error: Exception) -> tuple[str, str]:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "pgscore"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return " ".join(message.split()), f"`{path} --help` shows what it takes."


def _given_dsns(arguments: Sequence[str]) -> list[str]:
    """Connection strings of which nothing may be shown that is secret."""
    given = [following for option, following in pairwise(arguments) if option == "--dsn"]
    given += [each.removeprefix("--dsn=") for each in arguments if each.startswith("--dsn=")]
    password = os.environ.get("PGPASSWORD")
    return [*given, os.environ.get("PGSCORE_DSN", ""), *([make_dsn(password=password)] if password else [])]


def _fault(error: Exception, dsns: Sequence[str], *, as_json: bool) -> int:
    if os.environ.get("PGSCORE_DEBUG") == "1":
        print(without_passwords("".join(traceback.format_exception(error)), *dsns), file=sys.stderr)
    said = without_passwords(" ".join(str(error).split()), *dsns)
    message = f"this is a fault of pgscore, please report it: {type(error).__name__}: {said}"
    return _end(_FAULT, message, "With PGSCORE_DEBUG=1 it prints where it happened.", None, as_json=as_json)


def _end(code: int, message: str, hint: str, sqlstate: str | None, *, as_json: bool) -> int:
    if interrupted():
        code, message, hint, sqlstate = _INTERRUPTED, "interrupted", "", None
    # Whatever was said, a connection string that was typed in a wrong place is not to be repeated with its password.
    message, hint = without_passwords(message), without_passwords(hint)
    if as_json:
        text = json.dumps({"error": message, "hint": hint, "sqlstate": sqlstate}, ensure_ascii=False)
    else:
        text = f"pgscore: {' '.join(message.split())}" + (f"\nhint: {' '.join(hint.split())}" if hint else "")
    sys.stdout.flush()
    print(text, file=sys.stderr)
    return code
