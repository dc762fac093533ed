"""What a function that scores with a bundle waits for before its first answer."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from .samples import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

# What none of it may need: drivers, frames, frameworks, and what only other readers or writers of bundles take.
_HEAVY = {
    *("psycopg2", "sqlalchemy", "numpy", "pandas", "sklearn", "typer", "rich", "alembic", "cryptography"),
    *("dataclasses", "inspect", "asyncio", "pathlib", "importlib.metadata", "urllib", "email", "logging"),
}
_FIRST_SCORE = f"""
import sys
before = set(sys.modules)
from pgscore.bundle import load
bundle = load({str(SAMPLES["churn"])!r})
row = bundle.reduce({{"number_customer_service_calls": 2}}, [{{}}])
print(*sorted(set(sys.modules) - before))
"""
# An interpreter with the sources' compiled forms: as often as it needs to be quiet once.
_ROUNDS = 7
_TIMES = """
import sys, time
import encodings.idna, re
def taken(code):
    began = time.perf_counter()
    exec(code)
    return time.perf_counter() - began
print(taken(sys.argv[1]))
"""


def _run(code: str, *arguments: str, folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        # Installed packages have them.
        env={"PYTHONPYCACHEPREFIX": str(folder)},
    ).stdout


def test_a_bundle_needs_the_standard_library_alone(tmp_path: Path) -> None:
    loaded = set(_run(_FIRST_SCORE, folder=tmp_path).split())
    assert not {name for name in loaded if name in _HEAVY or name.partition(".")[0] in _HEAVY}
    assert "pgscore.bundle.reducing.reducers" in loaded


def test_importing_is_a_few_times_what_json_and_decimal_cost(tmp_path: Path) -> None:
    """Measured beside them, since machines differ: on a busy one it was 28 ms, and they were 15."""
    ours, theirs = [], []
    for _ in range(_ROUNDS):
        ours.append(float(_run(_TIMES, "import pgscore.bundle", folder=tmp_path)))
        theirs.append(float(_run(_TIMES, "import json, decimal, hashlib, typing, datetime", folder=tmp_path)))
    assert min(ours) < 4 * min(theirs), (min(ours), min(theirs))


def test_the_package_gives_each_of_its_names(tmp_path: Path) -> None:
    code = "import json, pgscore; print(json.dumps([n for n in pgscore.__all__ if not getattr(pgscore, n)]))"
    assert json.loads(_run(code, folder=tmp_path)) == []
    code = "import sys, pgscore; pgscore.PgscoreError; dir(pgscore); print('psycopg2' in sys.modules)"
    assert _run(code, folder=tmp_path) == "False\n"
