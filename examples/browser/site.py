"""The folder that a web server is given: the page, what `pgscore bundle` writes, and the customers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pgscore.bundle.writing import write_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE = Path(__file__).with_name("page")
_NO_KEY = '<meta name="pgscore-key" content="">'


def build_site(
    folder: Path, bundle: str, columns: Sequence[str], rows: Iterable[Sequence[object]], key: str = ""
) -> None:
    """Fills a folder, which may have been filled before.

    Args:
        folder: where it goes; made if it is not there.
        bundle: the text of the bundle, of model `churn`.
        columns: of the profiles, the key first.
        rows: the profiles, as JSON holds their values.
        key: a public key in PEM, which the page wants the bundle to be signed with.
    """
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    write_bundle(bundle, "churn", f"{folder}/")
    lines = ",\n".join(json.dumps(list(row), separators=(",", ":")) for row in rows)
    (folder / "customers.json").write_text(f'{{"columns":{json.dumps(list(columns))},"rows":[\n{lines}\n]}}\n')
    page = folder / "index.html"
    digits = "".join(line for line in key.splitlines() if not line.startswith("-"))
    page.write_text(page.read_text().replace(_NO_KEY, f'<meta name="pgscore-key" content="{digits}">'))
