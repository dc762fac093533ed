"""The example's notebook, executed by a kernel, gives what it shows.

`PGSCORE_UPDATE_SNAPSHOTS=1 make check TESTS=tests/notebook` writes its outputs anew.
"""

from __future__ import annotations

import base64
import io
import os
import re
from typing import TYPE_CHECKING, Any

import matplotlib.image
import nbformat
from nbclient import NotebookClient

from tests.support.command import environment
from tests.support.database import PASSWORD
from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database

_PLACE = ROOT / "examples" / "churn" / "notebook.ipynb"
_LOGIN = "test_notebook"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?|\d+e-\d+")


def test_the_notebook_shows_what_it_gives(installed: Database, tmp_path: Path) -> None:
    session = installed.session()
    session.run(
        f"create role {_LOGIN} login password '{PASSWORD}'; grant pgscore_publisher, pgscore_operator to {_LOGIN};"
        f" grant usage on schema churn to {_LOGIN}; grant select on churn.customer_profile to {_LOGIN}"
    )
    written = _read()
    executed = _read()
    folders = dict.fromkeys(("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"), str(tmp_path))
    client = NotebookClient(
        executed, timeout=300, resources={"metadata": {"path": str(ROOT)}}, record_timing=False, coalesce_streams=True
    )
    client.execute(env={**environment(installed.dsn(_LOGIN)), **folders})
    if os.environ.get("PGSCORE_UPDATE_SNAPSHOTS") == "1":
        for cell in executed.cells:
            cell.metadata.clear()
        nbformat.write(executed, _PLACE)  # type: ignore[no-untyped-call]
        return
    for cell, former in zip(executed.cells, written.cells, strict=True):
        if cell.cell_type == "code":
            assert [_text(each) for each in cell.outputs] == [_text(each) for each in former.outputs], cell.source
    drawn = [each for cell in executed.cells for each in cell.get("outputs", []) if "image/png" in each.get("data", {})]
    assert [_alternative(each)[:17] for each in drawn] == ["leaving, version ", "leaving version 2"]
    for each in drawn:
        picture = matplotlib.image.imread(io.BytesIO(base64.b64decode(each["data"]["image/png"])))
        # Something is drawn.
        assert (picture[:, :, :3].min(axis=2) < 1).mean() > 0.03


def _read() -> Any:  # noqa: ANN401
    return nbformat.read(_PLACE, as_version=4)  # type: ignore[no-untyped-call]


def _text(output: dict[str, Any]) -> str:
    """What people read; numbers are compared by their first digits, since processors round otherwise."""
    lines = str(output.get("text") or output["data"]["text/plain"]).splitlines()
    # Which engine is the faster one is measured anew each time.
    text = "\n".join(" ".join(line.split()) for line in lines if " engine scores" not in line)
    return _NUMBER.sub(lambda found: "0" if abs(float(found[0])) < 1e-9 else f"{float(found[0]):.4g}", text)


def _alternative(output: dict[str, Any]) -> str:
    return str(output["metadata"]["image/png"]["alt"])
