"""The web service's image and its manifest, without a container engine: what they install, start and ask."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.database import PASSWORD
from tests.support.migrate import ROOT
from tests.support.pooler import free_port

if TYPE_CHECKING:
    from tests.support.database import Database

_DOCKERFILE = (ROOT / "docker/serve.Dockerfile").read_text()
_MANIFEST = list(yaml.safe_load_all((ROOT / "docker/kubernetes/serve.yaml").read_text()))
_POD = _MANIFEST[0]["spec"]["template"]["spec"]
(_CONTAINER,) = _POD["containers"]
_HOME = "/opt/pgscore"
_LOGIN = "test_docker_scores"
_TOKEN = "a token of thirty-two characters"  # noqa: S105
# The oldest and the newest Kubernetes whose schemas the manifest is held to; preStop sleeps since 1.30.
_VERSIONS = ("1.30", "1.37")
_NOBODY = 65534
_PATIENCE = 60


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the place of /opt/pgscore, as the image has it."""
    home = tmp_path_factory.mktemp("serve")
    for folder in (home, *home.parents[:2]):
        folder.chmod(0o755)
    (step,) = re.findall(r"^RUN (docker/steps/.+)$", _DOCKERFILE, re.MULTILINE)
    command = step.replace(_HOME, str(home))
    # Without a compiler on its way.
    done = subprocess.run(
        ["sh", "-eu", "-c", command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "CC": "/bin/false", "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return home


def test_the_image_holds_what_serves_and_nothing_else(built: Path) -> None:
    (packages,) = (built / ".venv/lib").glob("python3.*/site-packages")
    installed = {each.name for each in packages.iterdir()}
    assert installed >= {"pgscore", "pgscore_runtime", "fastapi", "uvicorn", "prometheus_client", "psycopg2", "uvloop"}
    assert not installed & {"pip", "numpy", "pandas", "sklearn", "onnx", "treelite"}
    assert list((packages / "pgscore/serve/__pycache__").glob("service.*.pyc"))


def test_the_image_is_run_by_nobody() -> None:
    stage = _DOCKERFILE[_DOCKERFILE.index(" AS serve") :]
    assert re.search(rf"^USER {_NOBODY}:{_NOBODY}$", stage, re.MULTILINE)
    assert "HEALTHCHECK" in stage
    assert not re.search(r"gcc|build-essential|python3-dev", _DOCKERFILE)
    security = {**_POD["securityContext"], **_CONTAINER["securityContext"]}
    assert (security["runAsUser"], security["runAsNonRoot"], security["readOnlyRootFilesystem"]) == (
        _NOBODY,
        True,
        True,
    )


def test_the_manifest_is_one_of_kubernetes(tmp_path: Path) -> None:
    """By its own schemas, which refuse further fields; and what names another finds it."""
    install: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path]
    subprocess.run([*install, "--requirement", ROOT / "docker/kubernetes.txt"], check=True)
    code = (
        "import sys, yaml, kubernetes_validate as k\n"
        "for each in yaml.safe_load_all(open(sys.argv[1])):\n"
        "    for version in sys.argv[2:]:\n"
        "        k.validate(each, version, strict=True)\n"
    )
    command: list[str | Path] = [sys.executable, "-c", code, ROOT / "docker/kubernetes/serve.yaml", *_VERSIONS]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    labels = _MANIFEST[0]["spec"]["template"]["metadata"]["labels"]
    deployment, service, budget = _MANIFEST
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == budget["spec"]["selector"]["matchLabels"] == labels
    assert [each["name"] for each in _CONTAINER["ports"]] == [service["spec"]["ports"][0]["targetPort"]]
    assert {each["name"] for each in _CONTAINER["volumeMounts"]} == {each["name"] for each in _POD["volumes"]}


def test_a_pod_answers_its_probes_and_ends_in_time(built: Path, serving: Database, tmp_path: Path) -> None:
    """Started as the manifest says, by nobody, from a folder that nobody may write; probed as the manifest says."""
    session = serving.session()
    session.run(
        f"create role {_LOGIN} login password '{PASSWORD}'; grant pgscore_reader to {_LOGIN};"
        f" grant usage on schema churn to {_LOGIN}; grant select on churn.customer_profile to {_LOGIN}"
    )
    secrets, scratch = tmp_path / "secrets", tmp_path / "scratch"
    for folder in (tmp_path, *tmp_path.parents[:2], secrets, scratch):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    scratch.chmod(0o777)
    (secrets / "token").write_text(_TOKEN)
    port = free_port()
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", _DOCKERFILE, re.MULTILINE)
    mounts = {each["mountPath"]: each["name"] for each in _CONTAINER["volumeMounts"]}
    arguments = [each.replace("/run/secrets/pgscore", str(secrets)) for each in _CONTAINER["args"]]
    assert set(mounts.values()) == {"secrets", "scratch"}
    described = dict(
        each.split("=", 1) for line in re.findall(r"^ENV (.+)$", _DOCKERFILE, re.MULTILINE) for each in line.split()
    )
    environment = {
        **{name: value.replace(_HOME, str(built)) for name, value in described.items()},
        "PGSCORE_DSN": serving.dsn(_LOGIN),
        "PGSCORE_SERVE_PORT": str(port),
        "TMPDIR": str(scratch),
    }
    before = _files(built)
    command = [built / ".venv/bin" / json.loads(entry)[0], *json.loads(entry)[1:], *arguments]
    pod = subprocess.Popen(_as_nobody(command), env=environment, cwd="/", stderr=subprocess.PIPE, text=True)
    try:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            _wait_for(port, _CONTAINER[probe]["httpGet"]["path"], pod)
        (check,) = re.findall(r"CMD (\[.+\])$", _DOCKERFILE, re.MULTILINE)
        assert json.loads(check) == [f"{_HOME}/healthy"]
        assert subprocess.run(_as_nobody([ROOT / "docker/steps/healthy"]), env=environment, check=False).returncode == 0
        assert _ask(port, "/models/churn/score/1") == (401, None)
        status, said = _ask(port, "/models/churn/score/1", _TOKEN)
        expected = session.row("select pgscore.score('churn', c) from churn.customer_profile c where customer_id = 1")
        assert (status, said["score"]) == (200, pytest.approx(expected[0], abs=1e-12))
        pod.send_signal(signal.SIGTERM)
        assert pod.wait(_POD["terminationGracePeriodSeconds"]) == 0
    finally:
        pod.kill()
        pod.communicate()
    # Its own folder, which is read-only in Kubernetes, is as it was.
    assert _files(built) == before
    failing = subprocess.run([ROOT / "docker/steps/healthy"], env=environment, capture_output=True, check=False)
    assert failing.returncode == 1


def _as_nobody(command: list[Any]) -> list[str]:
    before = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--no-new-privs"]
    return [*(before if os.geteuid() == 0 else []), *map(str, command)]


def _files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def _wait_for(port: int, path: str, pod: subprocess.Popen[str]) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        assert pod.poll() is None, pod.stderr.read() if pod.stderr else ""
        try:
            if _ask(port, path)[0] == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < until, path
        time.sleep(0.1)


def _ask(port: int, path: str, token: str | None = None) -> tuple[int, Any]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, None
