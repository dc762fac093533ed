"""What static checks say and what stands nevertheless, each with its reason: exceptions.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILE = Path(__file__).with_name("exceptions.toml")


def unexplained(tool: str, findings: Iterable[str]) -> list[str]:
    """Findings that no exception of the tool covers, and exceptions that cover none any more.

    Args:
        tool: a table of exceptions.toml.
        findings: each in one line, by which an exception's regular expression knows it.
    """
    known = {each["says"]: each["reason"] for each in tomllib.loads(_FILE.read_text()).get(tool, [])}
    assert all(reason.strip().endswith(".") for reason in known.values()), "each exception has a reason, in a sentence"
    found = sorted(set(findings))
    wrong = [finding for finding in found if not any(re.search(says, finding) for says in known)]
    over = [f"no longer occurs: {says}" for says in known if not any(re.search(says, finding) for finding in found)]
    return wrong + over
