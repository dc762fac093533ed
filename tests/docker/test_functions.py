"""What examples/functions/build makes for a Lambda runs alone, in a Python that has no other package."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.bundle.samples import SAMPLES, seal
from tests.functions.callers import deployed
from tests.functions.events import function_url
from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 50 * 2**20
_CALL = """
import sys
sys.path.insert(0, sys.argv[1])
import json, handler
print(json.dumps(handler.handler(json.loads(sys.argv[2]), None)))
"""


def test_a_lambdas_folder_runs_alone(key: Path, tmp_path: Path) -> None:
    place = deployed("aws", tmp_path)
    document = json.loads(SAMPLES["churn"].read_bytes())
    (place / "churn.json").write_text(json.dumps(seal(document, key)))
    (place / "publisher.pub").write_bytes(key.with_name(key.name + ".pub").read_bytes())
    subprocess.run(["make", "wheel"], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (ROOT / "dist").glob("pgscore-*.whl")
    shutil.copy(wheel, place)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    build: list[str | Path] = [ROOT / "examples/functions/build", version, f"manylinux2014_{platform.machine()}"]
    done = subprocess.run(
        build,
        cwd=place,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    made = place / "build"
    assert (made / "__pycache__" / f"handler.cpython-{version.replace('.', '')}.pyc").exists()
    assert sum(each.stat().st_size for each in made.rglob("*") if each.is_file()) < _MOST_BYTES
    assert {each.name for each in made.iterdir()} >= {"churn.json", "publisher.pub", "cryptography", "pgscore"}
    assert not {"psycopg2", "sqlalchemy", "numpy", "alembic"} & {each.name for each in made.iterdir()}

    golden = document["golden"][0]
    event = function_url(body=json.dumps({"row": golden["inputs"]}).encode())
    # Neither site-packages nor the environment's own.
    answered = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-c", _CALL, str(made), json.dumps(event)],
        env={"PGSCORE_PUBLIC_KEY": "publisher.pub"},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(answered.stdout)
    assert (said["statusCode"], json.loads(said["body"])["score"]) == (200, golden["expected"])
