"""The one way in which migrations run SQL: a frozen file, checked by its hash, sent as it stands."""

from __future__ import annotations

import hashlib
from pathlib import Path

from alembic import context, op
from alembic.util import CommandError


class FrozenSqlChangedError(CommandError):
    """A migration's SQL is not what was released."""


def run_frozen(name: str, sha256: str) -> None:
    """Runs `versions/<name>`, online or into the script of `--sql`, byte for byte.

    Raises:
        FrozenSqlChangedError: the file's sha256 differs from the one in the migration.
    """
    path = Path(context.script.dir) / "versions" / name
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise FrozenSqlChangedError(
            f"migrations/versions/{name} has sha256 {found}, and its migration says {sha256}: "
            "a released migration never changes, so restore the file"
        )
    sql = path.read_text(encoding="ascii")
    if context.is_offline_mode():
        op.get_context().impl.static_output(sql)
    else:
        # Neither bind parameters nor % signs are looked for in it.
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
