"""Runs the examples of a page in their order, as its reader would: shell, SQL in psql, Python.

A comment right before an example says what its fence cannot:

    <!-- as: shop_owner -->        it runs as this login
    <!-- refused -->               it fails, and says so
    <!-- not run: reason -->       nothing runs it, and why
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sybil import Example

# What is run; output, and what other languages show, is not.
LANGUAGES = ("sh", "sql", "python")
_BEFORE = re.compile(r"<!-- (?:(?P<refused>refused)|as: (?P<login>\w+)|not run: (?P<reason>[^>]+?)) -->\s*\Z")
_FENCE = re.compile(r"^```[\w-]*\s*\n", re.MULTILINE)
_SECONDS = 300


@dataclass(frozen=True)
class Step:
    """An example of a page.

    Attributes:
        place: page and line.
        language: one of LANGUAGES.
        source: the example.
        login: the role that runs it; None for who runs the page.
        reason: why nothing runs it, or None.
        is_refused: whether it is to fail.
    """

    place: str
    language: str
    source: str
    login: str | None
    reason: str | None
    is_refused: bool


def steps(page: str) -> list[Step]:
    """The examples of a page, given by its path in the project."""
    parsers = [CodeBlockParser(language, _unevaluated) for language in LANGUAGES]
    document = Sybil(parsers).parse(ROOT / page)
    return [_step(page, example) for example in document.examples()]


def _unevaluated(example: Example) -> None:
    raise AssertionError(f"{example} is run by `Reader`, not by Sybil")


def _step(page: str, example: Example) -> Step:
    before = _BEFORE.search(example.document.text[: example.region.start])
    login, reason, refused = before.group("login", "reason", "refused") if before else (None, None, None)
    language = str(example.region.lexemes["arguments"])
    return Step(f"{page}:{example.line}", language, str(example.parsed), login, reason, refused is not None)


@dataclass
class Reader:
    """Who follows a page.

    Attributes:
        folder: where the reader's files lie.
        dsn: gives the connection string of a login; of None, that of who runs the page.
    """

    folder: Path
    dsn: Callable[[str | None], str]

    def follow(self, page: str) -> list[str]:
        """Runs the examples of a page; what each printed."""
        return [self._run(step) for step in steps(page) if step.reason is None]

    def _run(self, step: Step) -> str:
        command, source = self._command(step)
        done = subprocess.run(
            command,
            input=source,
            cwd=self.folder,
            env=self._environment(step.login),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        said = f"{step.place}\n{step.source}\n{done.stdout}{done.stderr}"
        assert (done.returncode != 0) == step.is_refused, said
        assert "Traceback" not in said, said
        return done.stdout + done.stderr

    def _command(self, step: Step) -> tuple[list[str], str]:
        if step.language == "sh":
            return ["bash", "-euo", "pipefail"], step.source
        if step.language == "sql":
            return ["psql", "-X", "-v", "ON_ERROR_STOP=1", self.dsn(step.login)], step.source
        self._notebook.write_text(self._notebook.read_text() + "\n" + step.source)
        return [sys.executable, "-W", "error"], self._notebook.read_text()

    def _environment(self, login: str | None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        return {**kept, "PATH": path, "PGSCORE_DSN": self.dsn(login)}

    @cached_property
    def _notebook(self) -> Path:
        # Cells of one page go on from each other, so each run has those before it.
        notebook = self.folder / "notebook.py"
        notebook.write_text("import os\n\ndsn = os.environ['PGSCORE_DSN']\n")
        return notebook


def pages() -> Iterator[str]:
    """All pages of the project that may hold examples."""
    yield "README.md"
    for path in sorted((ROOT / "docs").rglob("*.md")):
        yield str(path.relative_to(ROOT))
