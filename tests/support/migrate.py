"""Running the migrations, and looking at what they made."""

from __future__ import annotations

import argparse
import io
import re
import subprocess
from pathlib import Path

from alembic import command
from alembic.config import Config

from examples.server.programs import Programs

ROOT = Path(__file__).parents[2]
_VERSION_TABLE = "pgscore_alembic_version"


def upgrade(dsn: str, revision: str = "heads") -> None:
    """Runs `alembic upgrade`."""
    command.upgrade(_config(dsn), revision)


def downgrade(dsn: str, revision: str) -> None:
    """Runs `alembic downgrade`."""
    command.downgrade(_config(dsn), revision)


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


def _config(dsn: str, output: io.StringIO | None = None) -> Config:
    config = Config(ROOT / "alembic.ini", cmd_opts=argparse.Namespace(x=[f"dsn={dsn}"]))
    config.attributes["configure_logging"] = False
    if output is not None:
        config.output_buffer = output
    return config


def _run(*command_line: str, given: str | None = None) -> str:
    done = subprocess.run(command_line, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
