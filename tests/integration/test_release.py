"""Promoting, rolling back, retiring and pruning versions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pgscore
import pytest

from tests.support.database import OPERATOR, SCIENTIST, refused
from tests.support.models import ENGINES, customers, light_pipeline, pipeline, probability

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_SCORES = "select pgscore.score('churn', p) from churn.customer_profile p order by p.customer_id"


def _serving(session: Session) -> int | None:
    """The serving version, after checking that it is the one that answers."""
    version: int | None = session.value("select serving from pgscore.model where name = 'churn'")
    model = {1: pipeline(), 2: light_pipeline()}[version or 0]
    expected = probability(model, customers())
    assert [score for (score,) in session.run(_SCORES)] == pytest.approx(expected, abs=1e-12)
    return version


@pytest.fixture
def operator(serving: Database) -> Session:
    return serving.session(OPERATOR)


def test_rollback_goes_back_step_by_step_and_a_promotion_goes_on_from_there(
    serving: Database, operator: Session
) -> None:
    session = serving.session()
    for version in (2, 1, 1, 2):  # a version that serves already is no step
        operator.run("select pgscore.promote('churn', %s)", version)
    for expected in (1, 2, 1):
        assert operator.value("select pgscore.rollback('churn')") == expected
        assert _serving(session) == expected
    with refused("55000", 'model "churn" has no version to go back to'):
        operator.run("select pgscore.rollback('churn')")
    assert _serving(session) == 1
    operator.run("select pgscore.promote('churn', 2)")
    assert operator.value("select pgscore.rollback('churn')") == 1
    history = session.run("select version, promoted_by, rolled_back_by from pgscore.promotion order by id")
    assert [(version, by) for version, _, by in history] == [
        (1, None),
        (2, OPERATOR),
        (1, OPERATOR),
        (2, OPERATOR),
        (2, OPERATOR),
    ]


def test_a_rollback_that_is_rolled_back_changes_nothing(serving: Database, operator: Session) -> None:
    session = serving.session()
    operator.run("select pgscore.promote('churn', 2)")
    operator.run("begin")
    operator.run("select pgscore.rollback('churn')")
    assert _serving(session) == 2
    operator.run("rollback")
    assert _serving(session) == 2
    operator.run("select pgscore.rollback('churn')")
    assert _serving(session) == 1


def test_a_rollback_proves_the_version_too(serving: Database, operator: Session) -> None:
    session = serving.session()
    operator.run("select pgscore.promote('churn', 2)")
    session.run("alter table pgscore.golden_row disable trigger immutable")
    session.run("update pgscore.golden_row set expected = expected + 1e-9 where version = 1 and ordinal = 3")
    with refused("22000", 'model "churn" version 1 is not promoted: golden row 3 gives '):
        operator.run("select pgscore.rollback('churn')")
    assert _serving(session) == 2


def test_a_retired_version_is_not_promoted(serving: Database, operator: Session) -> None:
    operator.run("select pgscore.retire('churn', 2)")
    operator.run("select pgscore.retire('churn', 2)")
    with refused("55000", 'model "churn" version 2 is retired'):
        operator.run("select pgscore.promote('churn', 2)")
    assert _serving(serving.session()) == 1
    operator.run("select pgscore.retire('churn', 2, undo => true)")
    operator.run("select pgscore.promote('churn', 2)")
    with refused("55006", 'model "churn" version 2 serves: it cannot be retired'):
        operator.run("select pgscore.retire('churn', 2)")
    with refused("42704", 'model "churn" has no version 9'):
        operator.run("select pgscore.retire('churn', 9)")


def test_rolling_back_to_a_retired_version_takes_the_mark_back(serving: Database, operator: Session) -> None:
    operator.run("select pgscore.promote('churn', 2)")
    operator.run("select pgscore.retire('churn', 1)")
    assert operator.run("select * from pgscore.prune('churn')") == []  # it is the one to roll back to
    assert operator.value("select pgscore.rollback('churn')") == 1
    assert _serving(serving.session()) == 1
    assert operator.run("select * from pgscore.retirement") == []


def test_prune_removes_artifacts_and_publishing_brings_them_back(
    serving: Database, operator: Session, key: Path
) -> None:
    session = serving.session()
    size = session.value("select size from pgscore.model_version where version = 2")
    operator.run("select pgscore.retire('churn', 2)")
    assert pgscore.prune(serving.dsn(OPERATOR), "churn", older_than=timedelta(hours=1)) == []
    assert pgscore.prune(serving.dsn(OPERATOR), "churn", keep=1) == []
    found = pgscore.prune(serving.dsn(OPERATOR), "churn", dry_run=True)
    assert found == [pgscore.Pruned(version=2, bytes=size)]
    assert session.value("select count(*) from pgscore.artifact_chunk where version = 2") > 0
    assert pgscore.prune(serving.dsn(OPERATOR), "churn") == found
    assert session.value("select count(*) from pgscore.artifact_chunk where version = 2") == 0
    assert pgscore.prune(serving.dsn(OPERATOR), "churn") == []
    with refused("55000", 'model "churn" version 2 was pruned: its artifact is gone'):
        serving.session(SCIENTIST).run("select * from pgscore.verify('churn', 2)")
    with refused("55000", 'model "churn" version 2 was pruned: its artifact is gone'):
        operator.run("select pgscore.retire('churn', 2, undo => true)")
    assert _serving(session) == 1

    again = pgscore.publish(
        serving.dsn(SCIENTIST), "churn", light_pipeline(), profile="churn.customer_profile", key=key
    )
    assert (again.version, again.created, again.restored) == (2, False, True)
    # The estimator engine says that the artifact is back, and not only the program's functions.
    assert {each.engine: each.ok for each in again.verifications} == dict.fromkeys(ENGINES, True)
    with refused("55000", 'model "churn" version 2 is retired'):
        operator.run("select pgscore.promote('churn', 2)")
    operator.run("select pgscore.retire('churn', 2, undo => true)")
    operator.run("select pgscore.promote('churn', 2)")
    assert _serving(serving.session()) == 2


def test_prune_takes_sense_only(operator: Session) -> None:
    with refused("22023", "prune takes an age and a count that is not negative"):
        operator.run("select * from pgscore.prune('churn', keep => -1)")
    with refused("42704", 'model "nothing" is unknown'):
        operator.run("select * from pgscore.prune('nothing')")


def test_an_artifact_that_is_not_complete_is_not_stored(serving: Database) -> None:
    scientist = serving.session(SCIENTIST)
    contract = serving.session().value("select contract::text from pgscore.model_version where version = 2")
    stored = "select pgscore._publish('half', %s, %s, 10, 'joblib', %s, null, null, '{}', %s, null)"
    given = ("0" * 64, "0" * 64, contract, '[{"inputs": {}}]')
    scientist.run("begin")
    scientist.run(stored, *given)
    scientist.run("select pgscore._store_chunk('half', 1, '12345')")
    with refused("22000", 'model "half" version 1 has 5 of 10 bytes of its artifact'):
        scientist.run("commit")
    scientist.run("begin")
    scientist.run(stored, *given)
    with refused("55000", 'model "half" version 1 takes no more bytes'):
        scientist.run("select pgscore._store_chunk('half', 1, '12345678901')")
    scientist.run("rollback")
    with refused("55000", 'model "churn" version 1 takes no more bytes'):
        scientist.run("select pgscore._store_chunk('churn', 1, 'x')")
    with refused("55000", 'model "half" version 1 takes no more bytes'):
        scientist.run("select pgscore._store_chunk('half', 1, 'x')")
