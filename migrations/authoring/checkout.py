"""A checkout's SQL tree and its migrations, as those see them who write them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory

BRANCHES = ("core", "plpython", "churn")
_INCLUDE = re.compile(r"^\\ir (.+)$", re.MULTILINE)


class AuthoringError(Exception):
    """The tree or the migrations are not as they are to be, in a sentence."""


@dataclass(frozen=True)
class Checkout:
    """The folders `sql` and `migrations` below a root."""

    root: Path = Path(__file__).parents[2]

    @property
    def versions(self) -> Path:
        """Where the revisions stand."""
        return self.root / "migrations" / "versions"

    @property
    def released_list(self) -> Path:
        """The hashes of all files that never change again, for `sha256sum --check`."""
        return self.root / "migrations" / "released.sha256"

    def tree(self, branch: str) -> str:
        """The SQL of a branch as one text: `sql/<branch>.sql` with its includes, each under its file's name.

        Raises:
            AuthoringError: there are other characters than ASCII in it, which not every database can hold.
        """
        sql = self.root / "sql"
        names = _INCLUDE.findall((sql / f"{branch}.sql").read_text())
        for name in names:
            if not (sql / name).read_text(encoding="utf-8").isascii():
                raise AuthoringError(f"sql/{name} is not in ASCII: a database in LATIN1 or EUC_JP cannot hold it")
        return "\n".join(f"-- {name}\n{(sql / name).read_text()}" for name in names)

    def chain(self, branch: str) -> list[str]:
        """The revisions of a branch, the first one first."""
        scripts = ScriptDirectory(str(self.root / "migrations"))
        revisions = scripts.iterate_revisions(f"{branch}@head", "base")
        return [each.revision for each in revisions if branch in each.branch_labels][::-1]

    def recorded_tree(self, branch: str, revision: str) -> Path:
        """Where the tree stands as a revision left it: in the script of a branch's first one, else beside its own."""
        ending = "up" if revision == self.chain(branch)[0] else "tree"
        return self.versions / f"{revision}.{ending}.sql"

    def files(self, revision: str) -> list[Path]:
        """What a revision consists of."""
        endings = ("py", "up.sql", "down.sql", "tree.sql")
        return [path for path in (self.versions / f"{revision}.{ending}" for ending in endings) if path.exists()]

    def released(self) -> dict[str, str]:
        """The hash of each released file, by its path below `migrations`."""
        lines = self.released_list.read_text().splitlines() if self.released_list.exists() else []
        return {path: sha256 for sha256, path in (line.split("  ", 1) for line in lines if line)}

    def is_released(self, revision: str) -> bool:
        """Whether a revision never changes again."""
        return f"versions/{revision}.py" in self.released()

    def check_released(self) -> None:
        """Compares what is released with its hashes.

        Raises:
            AuthoringError: a file was changed or is gone.
        """
        for name, sha256 in self.released().items():
            path = self.root / "migrations" / name
            if not path.exists() or hash_of(path) != sha256:
                raise AuthoringError(f"migrations/{name} is released and was changed: git checkout migrations/{name}")


def hash_of(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
