"""The `pgscore` command as people run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import joblib
import pytest

from tests.support.command import run as _run
from tests.support.command import run_here as _run_here
from tests.support.command import run_json as _json
from tests.support.command import run_json_here as _json_here
from tests.support.database import OPERATOR
from tests.support.models import customers, opaque_pipeline, pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database


def test_from_a_key_to_a_score(installed: Database, tmp_path: Path) -> None:
    dsn = installed.dsn()
    model, key, golden = tmp_path / "model.joblib", tmp_path / "me.pem", tmp_path / "golden.csv"
    joblib.dump(pipeline(), model)
    customers().to_csv(golden, index=False)
    made = _json(dsn, "keys", "generate", key)
    _run_here(dsn, "keys", "trust", f"{key}.pub", "--holder", "me")
    assert made["key_id"] in {each["key_id"] for each in _json_here(dsn, "keys", "list")}

    publish = ("publish", "churn", model, "--profile", "churn.customer_profile", "--golden", golden, "--key", key)
    published = _json(dsn, *publish)
    assert (published["version"], published["created"], published["promoted"]) == (1, True, False)
    assert (published["problem"], published["obstacle"]) == (None, None)
    assert (published["positive"], published["score"]) == ("yes", "the probability of class 'yes'")
    assert "The score is the probability of class 'yes'." in _run_here(dsn, *publish).stdout
    assert [(each["engine"], each["ok"]) for each in published["verifications"]] == [
        ("estimator", True),
        ("interpreter", True),
        ("sql", True),
    ]
    assert _json_here(dsn, *publish, "--promote")["created"] is False
    assert [(each["model"], each["serving"]) for each in _json_here(dsn, "list")] == [("churn", 1)]
    shown = _json_here(dsn, "show", "churn")
    assert (shown["serving"], shown["profiles"], len(shown["versions"])) == (1, ["churn.customer_profile"], 1)
    assert "churn" in _run_here(dsn, "list").stdout
    assert "churn.customer_profile" in _run_here(dsn, "show", "churn").stdout
    session = installed.session()
    session.run("insert into churn.complaints (customer_id, kind) values (1, 'x')")
    assert session.value("select churn_model_version from churn.customer_profile where customer_id = 1") == 1
    doctor = _json(dsn, "doctor")
    assert doctor["ok"]
    assert "Nothing to mend" in _run_here(dsn, "doctor").stdout


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


def test_releases(serving: Database) -> None:
    dsn = serving.dsn(OPERATOR)
    _run_here(dsn, "promote", "churn", "2")
    done = _json_here(dsn, "rollback", "churn")
    assert (done["version"], done["before"], done["late"]) == (1, 2, [])
    assert "has no version to go back to" in _run_here(dsn, "rollback", "churn", expect=1).stderr
    assert "serves: it cannot be retired" in _run_here(dsn, "retire", "churn", "1", expect=1).stderr
    assert "is retired" in _run_here(dsn, "retire", "churn", "2").stdout
    assert "retired" in _run_here(dsn, "show", "churn").stdout
    assert "is retired no longer" in _run_here(dsn, "retire", "churn", "2", "--undo").stdout
    _run_here(dsn, "retire", "churn", "2")
    assert "Nothing to prune" in _run_here(dsn, "prune", "churn", "--older-than", "1h").stdout
    assert "is no age" in _run_here(dsn, "prune", "churn", "--older-than", "soon", expect=2).stderr
    assert "would be removed" in _run_here(dsn, "prune", "churn", "--dry-run").stdout
    assert [each["version"] for each in _json_here(dsn, "prune", "churn")["versions"]] == [2]
    assert "pruned" in _run_here(dsn, "show", "churn").stdout
    assert "was pruned" in _run_here(dsn, "verify", "churn", "2", expect=1).stderr


def test_a_skops_artifact_is_confirmed_and_promoted(installed: Database, key: Path, tmp_path: Path) -> None:
    dsn, model, golden = installed.dsn(), tmp_path / "model.joblib", tmp_path / "golden.csv"
    joblib.dump(opaque_pipeline(), model)
    customers().to_csv(golden, index=False)
    published = _run_here(dsn, "publish", "churn", model, "--golden", golden, "--key", key, "--format", "skops").stdout
    assert "pgscore confirm churn 1" in published
    types = ["sklearn.metrics._dist_metrics.EuclideanDistance64", "sklearn.neighbors._kd_tree.KDTree"]
    assert f"waits for an operator to confirm the types {', '.join(types)}" in _run_here(dsn, "show", "churn").stdout
    refusal = _run_here(dsn, "promote", "churn", "1", expect=1).stderr
    assert f"asks for types that no operator has confirmed: {', '.join(types)}" in refusal
    assert installed.session().value("select serving from pgscore.model") is None
    assert _json_here(dsn, "confirm", "churn", "1")["confirmed"] == types
    _run_here(dsn, "promote", "churn", "1")
    assert installed.session().value("select serving from pgscore.model") == 1


def test_revoking_a_key_says_which_versions_that_hits(opaque: Database) -> None:
    dsn = opaque.dsn()
    ((key_id, versions),) = [(each["key_id"], each["versions"]) for each in _json_here(dsn, "keys", "list")]
    assert versions == 3
    assert "is not known to this database" in _run_here(dsn, "keys", "revoke", "0123456789abcdef", expect=1).stderr
    assert "permission denied" in _run_here(opaque.dsn(OPERATOR), "keys", "revoke", key_id, expect=1).stderr
    assert _json_here(dsn, "verify", "churn", "3")["ok"]
    assert _json_here(dsn, "keys", "revoke", key_id)["versions"] == [
        {"model": "churn", "version": 1, "serving": False, "unpickled": False},
        {"model": "churn", "version": 2, "serving": False, "unpickled": False},
        {"model": "churn", "version": 3, "serving": True, "unpickled": True},
    ]
    said = _run_here(dsn, "keys", "revoke", key_id).stdout
    assert "new connections load nothing that it signed" in said
    assert "and fails in new ones" in said
    assert "which this database does not trust" in _run_here(dsn, "verify", "churn", "3", expect=1).stderr
