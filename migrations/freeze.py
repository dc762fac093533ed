"""Copies the SQL tree into the migration that is being written, and its hash into the migration.

`python -m migrations.freeze` serves until the migration is released; after that, a change of the tree gets a migration
of its own, and the test that compares both tells when one is missing.
"""

from __future__ import annotations

import hashlib
import re
import sys

from migrations.executor import FROZEN

_SQL = FROZEN.parent.parent / "sql"
_INCLUDE = re.compile(r"^\\ir (.+)$", re.MULTILINE)
_BRANCHES = {"core": "0001_core", "plpython": "0002_plpython", "churn": "0003_churn"}


def sql_tree(branch: str) -> str:
    """The SQL of a branch as one text: `sql/<branch>.sql` with its includes, each under its file's name."""
    index = (_SQL / f"{branch}.sql").read_text()
    parts = (f"-- {name}\n{(_SQL / name).read_text()}" for name in _INCLUDE.findall(index))
    return "\n".join(parts)


def main() -> int:
    """Freezes all three branches."""
    for branch, revision in _BRANCHES.items():
        (FROZEN / f"{revision}.up.sql").write_text(sql_tree(branch))
        migration = FROZEN / f"{revision}.py"
        text = migration.read_text()
        for direction in ("up", "down"):
            name = f"{revision}.{direction}.sql"
            sha256 = hashlib.sha256((FROZEN / name).read_bytes()).hexdigest()
            text = re.sub(rf'("{re.escape(name)}", ")[0-9a-f]*(")', rf"\g<1>{sha256}\g<2>", text)
        migration.write_text(text)
        print(f"froze {revision}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
