"""Releases all revisions: from then on their files never change, and what comes later is a revision of its own.

`make release-migrations` adds their hashes to `migrations/released.sha256`, when everything else of a release is done.
"""

from __future__ import annotations

import sys

from .checkout import BRANCHES, AuthoringError, Checkout, hash_of
from .draft import TO_DO


def release(checkout: Checkout) -> list[str]:
    """Adds what is not released yet to the list, and gives the revisions.

    Raises:
        AuthoringError: something is not frozen, or a draft is not finished.
    """
    checkout.check_released()
    new = []
    for branch in BRANCHES:
        chain = checkout.chain(branch)
        if checkout.recorded_tree(branch, chain[-1]).read_text() != checkout.tree(branch):
            raise AuthoringError(f"sql/{branch} has changed since it was frozen: run make freeze")
        new += [revision for revision in chain if not checkout.is_released(revision)]
    lines = [f"{sha256}  {path}" for path, sha256 in checkout.released().items()]
    for revision in sorted(new):
        _check_finished(checkout, revision)
        lines += [f"{hash_of(path)}  versions/{path.name}" for path in checkout.files(revision)]
    checkout.released_list.write_text("".join(f"{line}\n" for line in lines))
    return sorted(new)


def _check_finished(checkout: Checkout, revision: str) -> None:
    migration = (checkout.versions / f"{revision}.py").read_text()
    for direction in ("up", "down"):
        script = checkout.versions / f"{revision}.{direction}.sql"
        if hash_of(script) not in migration:
            raise AuthoringError(f"{script.name} has changed since it was frozen: run make freeze")
        if TO_DO in script.read_text():
            raise AuthoringError(f"{script.name} is not finished: a line of it says {TO_DO!r}")


def main() -> int:
    """Releases the migrations of this checkout."""
    try:
        new = release(Checkout())
    except AuthoringError as error:
        print(f"not released: {error}", file=sys.stderr)
        return 1
    print(f"released {', '.join(new)}" if new else "everything is released already")
    return 0


if __name__ == "__main__":
    sys.exit(main())
