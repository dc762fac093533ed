"""Replays what a page shows of a session in psql, and compares what comes with what it shows."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from sybil import Example

_PROMPT = re.compile(r"^\w+[=-]\*?# (.*)$")
_LONG = re.compile(r"\d+\.\d{7,}")


def shown(page: str) -> tuple[str, list[str]]:
    """The session of a page, given by its path in the project: what was typed, and the lines that came."""
    document = Sybil([CodeBlockParser("psql", _unevaluated)]).parse(ROOT / page)
    lines = "".join(str(example.parsed) for example in document.examples()).splitlines()
    typed = [match.group(1) for line in lines if (match := _PROMPT.match(line))]
    return "\n".join(typed), _alike("\n".join(line for line in lines if not _PROMPT.match(line)))


def replayed(dsn: str, typed: str) -> list[str]:
    """The lines that come when it is typed."""
    command = ["psql", "-X", "-v", "ON_ERROR_STOP=1", dsn]
    return _alike(subprocess.run(command, input=typed, capture_output=True, text=True, check=True).stdout)


def _alike(text: str) -> list[str]:
    # Another processor's exp may round the last digit in another way; and then columns have other widths.
    rounded = _LONG.sub(lambda number: f"{float(number[0]):.6f}", text)
    return [" ".join(line.split()) for line in rounded.splitlines() if line.strip() and set(line.strip()) - set("-+")]


def _unevaluated(example: Example) -> None:
    raise AssertionError(f"{example} is replayed as a whole")
