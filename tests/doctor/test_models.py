"""What the doctor sees of models: golden rows, keys, libraries, tables."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from pgscore.doctor import examine, exit_code
from pgscore.doctor.models import Model, _libraries
from pgscore.doctor.models import _Library as Library
from pgscore.doctor.python import Python

from tests.support.command import run as command
from tests.support.database import OPERATOR, SCIENTIST
from tests.support.models import OBSTACLE

if TYPE_CHECKING:
    from pgscore.doctor import Finding

    from tests.support.database import Database

_REVOKE = "update pgscore_trusted.trusted_key set revoked_at = now()"


def _by_code(database: Database, user: str | None = None, *, full: bool = False) -> dict[str, Finding]:
    return {each.code: each for each in examine(database.dsn(user), full=full)}


def test_a_model_that_is_unpickled(opaque: Database) -> None:
    """Its key, its golden rows (with --full), and what its libraries are."""
    assert OBSTACLE
    assert _by_code(opaque)["model"].sentence == "version 3 serves, by estimator"
    found = _by_code(opaque, full=True)
    assert "golden rows agree" in found["model"].sentence
    session = opaque.session()
    session.run(_REVOKE)
    found = _by_code(opaque, OPERATOR)
    assert found["artifact-untrusted"].subject == "churn"
    assert "which is revoked: new connections cannot load it" in found["artifact-untrusted"].sentence
    assert "no key is trusted" in found["no-key"].sentence
    assert exit_code(list(found.values())) == 1
    # A table that is gone, and one that lacks a column.
    session.run("update pgscore_trusted.trusted_key set revoked_at = null")
    session.run("create table public.other as select * from churn.customer_profile limit 3")
    session.run("create table public.gone (a integer)")
    session.run(
        "insert into pgscore.model_profile (model, profile, schema_name, table_name) values"
        " ('churn', 'public.other', 'public', 'other'), ('churn', 'public.gone', 'public', 'gone')"
    )
    session.run("drop table public.gone")
    session.run("alter table public.other drop column total_intl_calls")
    found = _by_code(opaque)
    assert found["scored-misfit"].subject == "public.other"
    assert 'has no column "total_intl_calls", which the model reads' in found["scored-misfit"].sentence
    assert found["scored-dropped"].subject == "churn"
    command(opaque.dsn(SCIENTIST), *shlex.split(found["scored-dropped"].remedy)[1:])
    session.run("alter table public.other add column total_intl_calls integer")
    found = _by_code(opaque)
    assert found["scored-slowly"].subject == "public.other"
    session.run(found["scored-slowly"].remedy)
    assert exit_code(list(_by_code(opaque).values())) == 0


def test_a_program_that_serves(serving: Database) -> None:
    """It needs no key, and its golden rows are replayed in seconds."""
    session = serving.session()
    session.run(_REVOKE)
    found = _by_code(serving)
    assert exit_code(list(found.values())) == 0
    assert "and its program serves without it" in found["artifact-unused"].sentence
    session.run("alter table pgscore.golden_row disable trigger immutable")
    session.run("update pgscore.golden_row set expected = expected + 1e-6 where version = 1 and ordinal = 2")
    for user in (None, SCIENTIST, OPERATOR):
        found = _by_code(serving, user)
        assert found["golden-differ"].sentence.endswith("from what the fitted estimator gave")
        assert found["golden-differ"].remedy == "pgscore verify churn 1\npgscore rollback churn"
        assert "model" not in found


@pytest.mark.parametrize(
    ("library", "here", "code"),
    [
        ("scikit-learn", "1.4.2", None),
        ("scikit-learn", "1.4.3", "library-differs"),
        ("scikit-learn", "1.5.2", "library-refused"),
        ("scikit-learn", None, "library-missing"),
        ("pandas", None, None),
        ("lightgbm", "1.4.3", "library-differs"),
        ("lightgbm", "1.5.2", "library-refused"),
        ("lightgbm", None, "library-missing"),
    ],
)
def test_libraries_of_what_is_unpickled(library: str, here: str | None, code: str | None) -> None:
    model = Model("m", 2, "estimator", "estimator", has_program=False, key_id=None, needs_frame=False, latest=2)
    python = Python(works=True, prefix="/usr", packages={library: here})
    found = list(_libraries(model, [Library("m", library, "1.4.2")], python))
    assert [each.code for each in found] == ([code] if code else [])
    assert all(each.remedy == f"/usr/bin/python3 -m pip install {library}==1.4.2" for each in found)
