"""Running the migrations, and looking at what they made."""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from examples.server.programs import Programs

ROOT = Path(__file__).parents[2]
_VERSION_TABLE = "pgscore_alembic_version"


def upgrade(dsn: str, revision: str = "heads", *, anew: bool = False, scripts: Path | None = None) -> None:
    """Runs `alembic upgrade`, with the migrations of another folder if one is given."""
    config = _config(dsn, scripts=scripts)
    config.attributes["anew"] = "yes" if anew else ""
    command.upgrade(config, revision)


def current(dsn: str) -> None:
    """Runs `alembic current`."""
    command.current(_config(dsn, io.StringIO()))


def alembic(dsn: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command `alembic` as people run it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        [Path(sys.executable).with_name("alembic"), *arguments],
        cwd=ROOT,
        env={**kept, "PGSCORE_DSN": dsn, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def downgrade(dsn: str, revision: str, *, lose: str = "", scripts: Path | None = None) -> None:
    """Runs `alembic downgrade`, which may drop what `lose` names."""
    config = _config(dsn, scripts=scripts)
    config.attributes["lose"] = lose
    command.downgrade(config, revision)


def offline_script(revision: str) -> str:
    """What `alembic upgrade … --sql` prints."""
    output = io.StringIO()
    command.upgrade(_config("", output), revision, sql=True)
    return output.getvalue()


def offline_downgrade(revisions: str) -> str:
    """What `alembic downgrade … --sql` prints, for `from:to`."""
    output = io.StringIO()
    command.downgrade(_config("", output), revisions, sql=True)
    return output.getvalue()


def psql(dsn: str, *arguments: str, script: str | None = None) -> str:
    """Runs psql, which stops at the first error."""
    return _run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn, *arguments, given=script)


def dump(dsn: str, *arguments: str) -> str:
    """Runs pg_dump, which must be of the server's version or a newer one."""
    return Programs.chosen().output("pg_dump", "-d", dsn, *arguments)


def schema(dsn: str) -> str:
    """The whole schema as pg_dump writes it, without the migrations' own table."""
    text = dump(dsn, "--schema-only", f"--exclude-table={_VERSION_TABLE}")
    # Newer releases write a random token.
    return re.sub(r"^\\(un)?restrict .*\n", "", text, flags=re.MULTILINE)


def _config(dsn: str, output: io.StringIO | None = None, scripts: Path | None = None) -> Config:
    config = Config(ROOT / "alembic.ini", cmd_opts=argparse.Namespace(x=[f"dsn={dsn}"]))
    config.attributes["configure_logging"] = False
    if output is not None:
        config.output_buffer = output
    if scripts is not None:
        config.set_main_option("script_location", str(scripts))
        config.set_main_option("version_locations", str(scripts / "versions"))
    return config


def _run(*command_line: str, given: str | None = None) -> str:
    done = subprocess.run(command_line, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
