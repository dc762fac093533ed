"""docs/doctor.md has a line for each finding."""

from __future__ import annotations

import re

from pgscore.doctor import CODES, Finding, exit_code

from tests.support.migrate import ROOT

_LINE = re.compile(r"^\| `([a-z-]+)` \| (ok|notice|warning|error) \|[^|]*\|([^|]*)\|$", re.MULTILINE)


def test_each_code_has_a_line_with_its_level() -> None:
    page = (ROOT / "docs/doctor.md").read_text()
    assert {code: level for code, level, _ in _LINE.findall(page)} == {
        code: level for code, (level, _) in CODES.items()
    }


def test_what_is_to_be_mended_has_a_remedy_in_the_page() -> None:
    page = (ROOT / "docs/doctor.md").read_text()
    for code, level, remedy in _LINE.findall(page):
        assert len(remedy.strip()) > 1 or level in ("ok", "notice"), code


def test_each_code_is_found_somewhere() -> None:
    """No code is left that nothing says any more."""
    source = "".join(path.read_text() for path in (ROOT / "loader/pgscore/doctor").glob("*.py"))
    for code in CODES:
        assert source.count(f'"{code}"') >= 2, code


def test_exit_codes() -> None:
    assert exit_code([Finding("server", "", ""), Finding("standby", "", "")]) == 0
    assert exit_code([Finding("stale", "", ""), Finding("server", "", "")]) == 4
    assert exit_code([Finding("stale", "", ""), Finding("misfit", "", "")]) == 1
