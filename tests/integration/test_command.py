"""The `pgscore` command as people run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import pytest

from tests.support.database import OPERATOR
from tests.support.models import customers, light_pipeline, pipeline

if TYPE_CHECKING:
    from tests.support.database import Database

_COMMAND = Path(sys.executable).with_name("pgscore")


def _run(dsn: str, *arguments: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(
        [_COMMAND, *arguments],
        env={**environment, "PGSCORE_DSN": dsn},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stderr + done.stdout
    return done


def _json(dsn: str, *arguments: str | Path, expect: int = 0) -> Any:  # noqa: ANN401
    return json.loads(_run(dsn, *arguments, "--json", expect=expect).stdout)


def test_from_a_key_to_a_score(installed: Database, tmp_path: Path) -> None:
    dsn = installed.dsn()
    model, key, golden = tmp_path / "model.joblib", tmp_path / "me.pem", tmp_path / "golden.csv"
    joblib.dump(pipeline(), model)
    customers().to_csv(golden, index=False)
    made = _json(dsn, "keys", "generate", key)
    _run(dsn, "keys", "trust", f"{key}.pub", "--holder", "me")
    assert made["key_id"] in {each["key_id"] for each in _json(dsn, "keys", "list")}

    publish = ("publish", "churn", model, "--profile", "churn.customer_profile", "--golden", golden, "--key", key)
    published = _json(dsn, *publish)
    assert (published["version"], published["created"], published["promoted"]) == (1, True, False)
    assert (published["problem"], published["verifications"][0]["ok"]) == (None, True)
    assert _json(dsn, *publish, "--promote")["created"] is False
    assert [(each["model"], each["serving"]) for each in _json(dsn, "list")] == [("churn", 1)]
    shown = _json(dsn, "show", "churn")
    assert (shown["serving"], shown["profiles"], len(shown["versions"])) == (1, ["churn.customer_profile"], 1)
    assert "churn" in _run(dsn, "list").stdout
    assert "churn.customer_profile" in _run(dsn, "show", "churn").stdout
    session = installed.session()
    session.run("insert into churn.complaints (customer_id, kind) values (1, 'x')")
    assert session.value("select churn_model_version from churn.customer_profile where customer_id = 1") == 1
    doctor = _json(dsn, "doctor")
    assert doctor["ok"]
    assert _run(dsn, "doctor").stdout.rstrip().endswith("No problem.")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("promote", "nothing", "1"), 1, "is unknown"),
        (("promote", "churn", "9"), 1, 'model "churn" has no version 9'),
        (("show", "nothing"), 1, "is unknown"),
        (("publish", "churn", "/nonexistent"), 1, "cannot be read"),
        (("promote", "churn"), 2, "Missing argument"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_refusals_are_one_line_and_an_exit_code(
    shared: Database, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = _run(shared.dsn(), *arguments, expect=code)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_database_that_cannot_be_reached() -> None:
    done = _run("postgresql://nobody@127.0.0.1:1/x", "list", expect=3)
    assert "127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr
    assert _run("postgresql://nobody@127.0.0.1:1/x", "doctor", expect=1).stdout


def test_an_operator_promotes(serving: Database) -> None:
    _run(serving.dsn(OPERATOR), "promote", "churn", "2")
    assert serving.session().value("select serving from pgscore.model") == 2


def test_doctor_of_an_empty_database(empty: Database) -> None:
    found = _json(empty.dsn(), "doctor", expect=1)
    assert not found["ok"]
    assert any("alembic upgrade" in each["remedy"] for each in found["findings"] if each["level"] == "problem")


def test_doctor_sees_that_the_key_is_revoked(serving: Database, tmp_path: Path) -> None:
    model = tmp_path / "model.joblib"
    joblib.dump(light_pipeline(), model)
    serving.session().run("update pgscore_trusted.trusted_key set revoked_at = now()")
    found = _json(serving.dsn(), "doctor", expect=1)
    assert any("is revoked" in each["sentence"] for each in found["findings"] if each["level"] == "problem")
