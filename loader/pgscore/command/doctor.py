"""`pgscore doctor`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pgscore.doctor import AREAS, LEVELS, examine, exit_code

from .app import Dsn, Json, app, command
from .interrupt import interrupted
from .output import print_json, say, steps, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.doctor import Finding


@command(app, "doctor", "pgscore doctor", "pgscore doctor --full --json --dsn postgresql://me@db/shop")
def doctor(
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Compare all counters with their events, and replay all golden rows, however long it takes."
        ),
    ] = False,
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Says what is wrong in a database, and what to do.

    It changes nothing, and looks at samples of rows unless it is told --full. Exits with 0 where nothing is to be
    mended, with 1 where there is an error, and with 4 where there are warnings and no error; notices are 0.
    """
    with steps("doctor") as step:
        findings = examine(dsn, step, full=full)
    if interrupted():
        raise KeyboardInterrupt
    code = exit_code(findings)
    if as_json:
        rows = [_row(each) for each in findings]
        print_json({"ok": code == 0, "summary": _counted(findings), "findings": rows})
    else:
        _print(findings)
    if code:
        raise typer.Exit(code)


def _row(finding: Finding) -> dict[str, str]:
    return {"level": finding.level, "area": finding.area, **asdict(finding)}


def _counted(findings: Sequence[Finding]) -> dict[str, int]:
    counted = Counter(each.level for each in findings)
    return {level: counted[level] for level in LEVELS}


def _print(findings: Sequence[Finding]) -> None:
    ordered = sorted(findings, key=lambda each: AREAS.index(each.area))
    rows: list[tuple[Any, ...]] = []
    for area, found in groupby(ordered, lambda each: each.area):
        rows.append((area, "", "", ""))
        rows += [(each.level, each.code, each.subject, _said(each)) for each in found]
    table(("", "code", "looked at", "found"), rows)
    counted = _counted(findings)
    if exit_code(list(findings)) == 0:
        say("", f"Nothing to mend ({_many(counted['notice'], 'notice')}).")
    else:
        wrong = f"{_many(counted['error'], 'error')}, {_many(counted['warning'], 'warning')}"
        say("", f"{wrong}; docs/doctor.md says more of each.")


def _said(finding: Finding) -> str:
    """A finding, and below it what to run, each line by itself."""
    if not finding.remedy:
        return finding.sentence
    who = f" (as {finding.run_as})" if finding.run_as else ""
    lines = "".join(f"\n    {line}" for line in finding.remedy.splitlines())
    return f"{finding.sentence}\n  remedy{who}:{lines}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
