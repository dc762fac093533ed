"""`pgscore doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pgscore.doctor import examine

from .app import Dsn, Json, app, command
from .interrupt import interrupted
from .output import print_json, say, steps, table


@command(app, "doctor", "pgscore doctor", "pgscore doctor --json --dsn postgresql://me@db/shop")
def doctor(dsn: Dsn = "", as_json: Json = False) -> None:
    """Says what is wrong in a database, and what to do.

    It changes nothing. Exits with 1 where there is a problem; warnings alone are 0.
    """
    with steps("doctor") as step:
        findings = examine(dsn, step)
    if interrupted():
        raise KeyboardInterrupt
    problems = sum(finding.level == "problem" for finding in findings)
    if as_json:
        print_json({"ok": not problems, "findings": [asdict(finding) for finding in findings]})
    else:
        table(
            ("", "looked at", "found"),
            ((f.level, f.subject, f"{f.sentence}\n  remedy: {f.remedy}" if f.remedy else f.sentence) for f in findings),
        )
        if not problems:
            say("", "No problem.")
        else:
            say("", f"{problems} problem{'s' if problems > 1 else ''}.")
    if problems:
        raise typer.Exit(1)
