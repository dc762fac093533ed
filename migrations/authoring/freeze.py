"""Brings the migrations up to the SQL tree, and their hashes up to their scripts: `make freeze`.

While the first revision of a branch is not released, the tree is its script. Where the latest revision is released and
the tree has changed since, a new one is begun, with a draft of what takes the former database to the present tree
(CONTRIBUTING.md). Released files are never touched.
"""

from __future__ import annotations

import re
import sys
from importlib.util import cache_from_source
from pathlib import Path

from .checkout import BRANCHES, AuthoringError, Checkout, hash_of
from .draft import draft

_REVISION = '''"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "{revision}"
down_revision = "{former}"
branch_labels = None
depends_on = {depends}


def upgrade() -> None:
    run_frozen("{revision}.up.sql", "")


def downgrade() -> None:
    run_frozen("{revision}.down.sql", "")
'''


def freeze(checkout: Checkout) -> list[str]:
    """Freezes all branches and says what came of it.

    Raises:
        AuthoringError: a released file was changed, or the tree is not in ASCII.
    """
    checkout.check_released()
    return [_freeze(checkout, branch) for branch in BRANCHES]


def _freeze(checkout: Checkout, branch: str) -> str:
    tree = checkout.tree(branch)
    chain = checkout.chain(branch)
    last = chain[-1]
    recorded = checkout.recorded_tree(branch, last).read_text()
    said = f"froze {last}"
    if checkout.is_released(last):
        if tree == recorded:
            return f"{branch}: as released with {last}"
        last = _begin(checkout, branch, last, recorded, tree)
        said = f"began {last}: read its scripts, and write what they leave to do"
    elif len(chain) > 1 and tree != recorded:
        left = draft(recorded, tree)
        said = f"{last}: the tree has changed since it was frozen. Its scripts are written by hand; they lack:\n{left}"
    checkout.recorded_tree(branch, last).write_text(tree)
    _write_hashes(checkout, last)
    return said


def _begin(checkout: Checkout, branch: str, former: str, recorded: str, tree: str) -> str:
    number = 1 + max(int(path.name[:4]) for path in checkout.versions.glob("[0-9]*.py"))
    revision = f"{number:04}_{branch}"
    # What plpython and churn need of core is there before them.
    depends = "None" if branch == "core" else f'"{checkout.chain("core")[-1]}"'
    text = _REVISION.format(revision=revision, former=former, depends=depends)
    regenerated = branch == "core"
    (checkout.versions / f"{revision}.up.sql").write_text(draft(recorded, tree, regenerated=regenerated))
    (checkout.versions / f"{revision}.down.sql").write_text(draft(tree, recorded, regenerated=regenerated))
    (checkout.versions / f"{revision}.py").write_text(text)
    return revision


def _write_hashes(checkout: Checkout, revision: str) -> None:
    migration = checkout.versions / f"{revision}.py"
    text = migration.read_text()
    for direction in ("up", "down"):
        name = f"{revision}.{direction}.sql"
        text = re.sub(rf'("{re.escape(name)}", ")[0-9a-f]*(")', rf"\g<1>{hash_of(checkout.versions / name)}\g<2>", text)
    migration.write_text(text)
    # Python takes what it has compiled for the same while size and time are, in seconds: another hash changes neither.
    Path(cache_from_source(str(migration))).unlink(missing_ok=True)


def main() -> int:
    """Freezes this checkout."""
    try:
        print("\n".join(freeze(Checkout())))
    except AuthoringError as error:
        print(f"not frozen: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
