"""The build steps of the images, and then what compose starts, one after the other."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from examples.server.cluster import PrivateCluster
from tests.support.database import Session
from tests.support.migrate import ROOT
from tests.support.pooler import free_port, wait_until_it_listens

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOCKERFILE = (ROOT / "docker/Dockerfile").read_text()
_COMPOSE = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
_STAGE = re.compile(r"^FROM (?P<base>\S+) AS (?P<name>\w+)$(?P<steps>.*?)(?=^FROM|\Z)", re.MULTILINE | re.DOTALL)
_STAGES = {stage["name"]: stage["steps"] for stage in _STAGE.finditer(_DOCKERFILE)}
_HOME = "/opt/pgscore"
_APPLICATION = "complaints_app"
_PATIENCE = 30


def _lines(stage: str, word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", _STAGES[stage], re.MULTILINE)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the place of /opt/pgscore, in which each RUN of the Dockerfile was run."""
    home = tmp_path_factory.mktemp("home")
    # The server's user, who is not root, reads it.
    for folder in (home, *home.parents[:2]):
        folder.chmod(0o755)
    for stage in _STAGES:
        for step in _lines(stage, "RUN"):
            command = step.replace(_HOME, str(home))
            done = subprocess.run(["sh", "-eu", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return home


@pytest.fixture(scope="session")
def database(built: Path) -> Iterator[PrivateCluster]:
    """The service `database`: a server with the packages that its image has."""
    (path,) = [line.removeprefix("PYTHONPATH=") for line in _lines("database", "ENV")]
    with PrivateCluster(python_path=path.replace(_HOME, str(built))) as cluster:
        yield cluster


def _start(service: str, built: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command: list[Any] = [*_COMPOSE[service]["command"], *more]
    missing = _COMPOSE[service]["environment"].keys() - environment.keys()
    assert not missing, missing
    return subprocess.run(
        [str(built / ".venv/bin" / command[0]), *command[1:]],
        cwd=ROOT,
        env={**environment, "PATH": f"{built / '.venv/bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_application_behind_the_pooler_moves_scores(built: Path, database: PrivateCluster) -> None:
    """Prepared twice, which is as good as once; then ten complaints by way of the pooler."""
    password = secrets.token_urlsafe(12)
    for _ in range(2):
        done = _start(
            "prepare", built, PGSCORE_DSN=database.dsn(), PGPASSWORD=database.password, APPLICATION_PASSWORD=password
        )
        assert (done.returncode, done.stderr) == (0, "")
    session = Session(database.dsn())
    engines = [engine for (engine,) in session.run("select engine from pgscore.verify('churn') order by 1")]
    assert engines == ["interpreter", "sql"]

    port = free_port()
    given = {
        "DATABASE_HOST": database.host,
        "DATABASE_PORT": str(database.port),
        "APPLICATION_PASSWORD": password,
        "POOLER_ADDRESS": "127.0.0.1",
        "POOLER_PORT": str(port),
    }
    assert _COMPOSE["pooler"]["environment"].keys() <= given.keys()
    user = "postgres" if os.geteuid() == 0 else None
    pool = ROOT / re.sub(r'[\[\]"]', "", _lines("pooler", "ENTRYPOINT")[0])
    with subprocess.Popen([str(pool)], env={**os.environ, **given}, user=user, group=user, cwd="/") as pooler:
        try:
            wait_until_it_listens(pooler, port)
            done = _start(
                "application",
                built,
                "--count=10",
                "--pause=0",
                DATABASE_URL=f"host=127.0.0.1 port={port} user={_APPLICATION} dbname=postgres",
                PGPASSWORD=password,
            )
            assert (done.returncode, done.stderr) == (0, "")
        finally:
            pooler.terminate()
            pooler.wait(_PATIENCE)
    assert session.value("select count(*) from churn.complaints") == 10
    assert session.value("select count(*) from pgscore.prediction_log") == 10
    session.close()


def test_a_doctor_in_the_client_finds_nothing(built: Path, database: PrivateCluster) -> None:
    """The client's image reaches a database that is well."""
    done = subprocess.run(
        [str(built / ".venv/bin/pgscore"), "doctor"],
        env={"PGSCORE_DSN": database.dsn(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
