"""A ward for databases: what the doctor says of one, and doing what it says."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pgscore.database import transaction
from pgscore.doctor.bindings import check_bindings
from pgscore.doctor.generated import check_left_over
from pgscore.doctor.installation import check_rights
from pgscore.doctor.look import Look

from tests.bindings import shop
from tests.support.command import environment, run_here
from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgscore.doctor import Finding

    from tests.support.database import Database, Session

TABLES = f"('{shop.EVENTS}', '{shop.PROFILE}')"
_PROGRAMS = Path(sys.executable).parent
# Only these roles of remedies can log in; all others are somebody with more rights.
_LOGINS = (shop.OWNER, "shop_heir")


def looked_at(database: Database, user: str | None = None, *, full: bool = False) -> list[Finding]:
    """What the doctor says of bindings, without the models, which take longer."""
    with transaction(database.dsn(user)) as connection:
        look = Look(connection, full)
        look.begin()
        return [
            *look.guarded("rights", check_rights),
            *look.guarded("bindings", check_bindings),
            *look.guarded("triggers", check_left_over),
        ]


def to_mend(database: Database, user: str | None = None, *, full: bool = False) -> list[Finding]:
    """What of it is to be mended."""
    return [each for each in looked_at(database, user, full=full) if each.is_to_mend]


def codes(findings: Iterable[Finding]) -> list[str]:
    """The codes of findings, in order, each once."""
    return list(dict.fromkeys(each.code for each in findings))


def apply(database: Database, finding: Finding) -> None:
    """Pastes a remedy, as the role that it names: a command or a statement to a line, each by itself."""
    user = finding.run_as if finding.run_as in _LOGINS else None
    assert finding.remedy, finding
    for line in finding.remedy.splitlines():
        if line.startswith(("pgscore ", "alembic ")):
            run_command(database.dsn(user), line)
        else:
            assert ";" in line, line
            psql(database, line, user)


def psql(database: Database, line: str, user: str | None = None) -> None:
    """Runs a line as psql does: CALL may commit."""
    session: Session = database.session(user)
    # The sessions of tests hold a timeout and nothing else.
    session.run(line.partition(" -- ")[0])


def run_command(dsn: str, line: str) -> None:
    """Runs a command of a remedy as a shell does, in the checkout; ours in this process, which starts sooner."""
    program, *arguments = shlex.split(line)
    if program == "pgscore":
        run_here(dsn, *arguments)
        return
    subprocess.run([_PROGRAMS / program, *arguments], env=environment(dsn), cwd=ROOT, check=True, capture_output=True)
