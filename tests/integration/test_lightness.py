"""What the command imports: nothing that takes long before it is needed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.support.command import environment
from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from tests.support.database import Database

_DEAR = {"alembic", "cryptography", "joblib", "numpy", "pandas", "scipy", "skops", "sklearn", "sqlalchemy", "treelite"}
_DEAR |= {"paramiko", "pyarrow", "redis"}
_CODE = """
import sys
from pgscore.command import run
code = run(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["publish", "--help"], 0),
        (["export", "--help"], 0),
        (["export", "nothing", "--to", "nothing.csv"], 1),
        (["list"], 0),
        (["promote", "nothing", "1"], 1),
        (["rollback", "nothing"], 1),
        (["detach", "churn.complaints", "churn.customer_profile"], 1),
    ],
)
def test_commands_that_need_no_model_are_light(installed: Database, arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *arguments],
        env=environment(installed.dsn()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert set(done.stderr.splitlines()[-1].split()) & _DEAR == set()


def test_the_extra_server_is_what_the_server_image_has() -> None:
    """A score is exact only with the libraries that the model was fitted with."""
    pins = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "docker" / "requirements-server.txt").read_text(), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["server"]
    assert dict(each.split("==") for each in extras).items() <= pins.items()
