"""What is not signed by a trusted key is never unpickled."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import pgscore
import psycopg2
import pytest
from pgscore.keys import sign
from pgscore_runtime.contract import Contract, parse_contract

from tests.support.database import OPERATOR, SCIENTIST, refused
from tests.support.models import customers, light_pipeline, opaque_pipeline

if TYPE_CHECKING:
    from examples.server.cluster import PrivateCluster
    from tests.support.database import Database, Session

_GOLDEN = (
    '[{"inputs": {"total_day_minutes": 1, "total_intl_calls": 1, "number_customer_service_calls": 1}, "expected": 0}]'
)


class _Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._path,))


@pytest.fixture
def contract(shared_session: Session) -> Contract:
    return parse_contract(
        shared_session.value("select contract::text from pgscore.model_version where model = 'churn' and version = 2")
    )


def _artifact() -> bytes:
    buffer = io.BytesIO()
    joblib.dump(light_pipeline(), buffer)
    return buffer.getvalue()


def _publish(
    session: Session,
    name: str,
    artifact: bytes,
    contract: Contract,
    *,
    signed: tuple[bytes, str] | None,
    digest: str | None = None,
) -> None:
    """What a publisher can do who writes his own client."""
    sha256 = hashlib.sha256(artifact).hexdigest()
    signature, key_id = signed or (None, None)
    session.run("begin")
    session.run(
        "select pgscore._publish(%s, %s, %s, %s, 'joblib', %s, %s, %s, '{}', %s, null)",
        name,
        digest or contract.digest(sha256),
        sha256,
        len(artifact),
        contract.to_json(),
        psycopg2.Binary(signature) if signature else None,
        key_id,
        _GOLDEN,
    )
    session.run("select pgscore._store_chunk(%s, 1, %s)", name, psycopg2.Binary(artifact))
    session.run("commit")


def _signed(artifact: bytes, contract: Contract, key: Path) -> tuple[bytes, str]:
    made = sign(contract, hashlib.sha256(artifact).hexdigest(), key)
    return made.value, made.key_id


def _refuses(shared: Database, name: str, message: str, sqlstate: str = "42501") -> None:
    """Neither verify nor promote load it."""
    for login, call in ((SCIENTIST, f"pgscore.verify('{name}')"), (OPERATOR, f"pgscore.promote('{name}', 1)")):
        session = shared.session(login)
        with refused(sqlstate, message):
            session.run(f"select * from {call}")
        session.close()


def test_without_a_signature(shared: Database) -> None:
    published = pgscore.publish(shared.dsn(), "unsigned", opaque_pipeline(), golden=customers())
    assert published.created
    assert published.problem is not None
    assert "the artifact carries no signature" in published.problem
    assert "pgscore publish --key" in published.problem
    _refuses(shared, "unsigned", "the artifact carries no signature")
    with pytest.raises(pgscore.PgscoreError, match="carries no signature"):
        pgscore.publish(shared.dsn(), "unsigned", opaque_pipeline(), golden=customers(), promoted=True)
    serving = "select serving from pgscore.model where name = 'unsigned'"
    assert shared.session(OPERATOR).value(serving) is None


def test_with_a_key_that_is_not_trusted(shared: Database, tmp_path: Path) -> None:
    path = tmp_path / "stranger.pem"
    stranger = pgscore.generate_key(path)
    published = pgscore.publish(shared.dsn(), "stranger", opaque_pipeline(), golden=customers(), key=path)
    assert published.problem is not None
    assert f"is signed with key {stranger.key_id}, which this database does not trust" in published.problem
    _refuses(shared, "stranger", "which this database does not trust")


def test_a_signature_of_another_artifact(
    shared: Database, key: Path, contract: Contract, cluster: PrivateCluster
) -> None:
    """An artifact that runs code is refused before a byte of it is unpickled."""
    # In a folder that the server's user can write.
    mark = cluster.directory / "unpickled"
    bomb = pickle.dumps(_Bomb(cluster.programs.inside(mark)))
    session = shared.session(SCIENTIST)
    _publish(session, "tampered", bomb, contract, signed=_signed(_artifact(), contract, key))
    _refuses(shared, "tampered", "does not cover this artifact and contract: one of them was changed")
    _publish(session, "unsigned_bomb", bomb, contract, signed=None)
    _refuses(shared, "unsigned_bomb", "the artifact carries no signature")
    assert not mark.exists()
    # The same bytes with a signature are unpickled: the mark tells the difference.
    _publish(session, "signed_bomb", bomb, contract, signed=_signed(bomb, contract, key))
    with pytest.raises(psycopg2.Error):
        shared.session(SCIENTIST).run("select * from pgscore.verify('signed_bomb')")
    assert mark.exists()


def test_a_signature_of_another_contract(shared: Database, key: Path, contract: Contract) -> None:
    other = replace(contract, output=replace(contract.output, positive=0))
    signed = _signed(_artifact(), contract, key)
    _publish(shared.session(SCIENTIST), "bent", _artifact(), other, signed=signed)
    _refuses(shared, "bent", "does not cover this artifact and contract")


def test_a_signature_under_anothers_name(shared: Database, key: Path, contract: Contract) -> None:
    value, _ = _signed(_artifact(), contract, key)
    _publish(shared.session(SCIENTIST), "renamed", _artifact(), contract, signed=(value, "0123456789abcdef"))
    _refuses(shared, "renamed", "key 0123456789abcdef, which this database does not trust")


def test_a_digest_that_is_another_versions(shared: Database, key: Path, contract: Contract) -> None:
    """What backends keep is found by what was verified, not by what a publisher calls it."""
    session = shared.session(SCIENTIST)
    other = replace(contract, output=replace(contract.output, positive=0))
    signed = _signed(_artifact(), other, key)
    _publish(session, "liar", _artifact(), other, signed=signed, digest="0" * 64)
    _refuses(shared, "liar", "cannot be loaded: it is not what its digest says", "XX001")


@pytest.mark.parametrize(
    ("libraries", "message"),
    [({"scikit-learn": "1.2.2"}, "the model was fitted with scikit-learn 1.2.2, and the server's Python has 1.9.1")],
)
def test_fitted_with_another_scikit_learn_than_the_servers(
    shared: Database, key: Path, contract: Contract, libraries: dict[str, str], message: str
) -> None:
    old = replace(contract, libraries={**contract.libraries, **libraries})
    _publish(shared.session(SCIENTIST), "old", _artifact(), old, signed=_signed(_artifact(), old, key))
    _refuses(shared, "old", message, "0A000")


@pytest.mark.parametrize(("name", "artifact"), [("words", b"these are words"), ("short", _artifact()[:-200])])
def test_signed_bytes_that_are_no_pickle(
    shared: Database, key: Path, contract: Contract, name: str, artifact: bytes
) -> None:
    _publish(shared.session(SCIENTIST), name, artifact, contract, signed=_signed(artifact, contract, key))
    _refuses(shared, name, "the artifact is not a joblib, pickle or skops file, or is cut short", "XX001")


def test_a_malformed_contract_is_not_stored(shared: Database, contract: Contract) -> None:
    session = shared.session(SCIENTIST)
    document = json.loads(contract.to_json())
    for part in ("inputs", "output", "libraries", "types"):
        with refused("23514", "contract_is_complete"):
            session.run(
                "select pgscore._publish('half', %s, %s, 1, 'joblib', %s, null, null, '{}', %s, null)",
                "0" * 64,
                "0" * 64,
                json.dumps({name: value for name, value in document.items() if name != part}),
                _GOLDEN,
            )
    assert session.value("select count(*) from pgscore.model where name = 'half'") == 0


def test_a_revoked_key_loads_nothing_more(opaque: Database) -> None:
    session = opaque.session()
    call = "select pgscore.score('churn', p) from churn.customer_profile p where customer_id = 1"
    assert session.value(call) is not None
    session.run("update pgscore_trusted.trusted_key set revoked_at = now()")
    with refused("42501", "which this database does not trust"):
        opaque.session().run(call)
    for login in (SCIENTIST, OPERATOR):
        with refused("42501", "which this database does not trust"):
            opaque.session(login).run("select * from pgscore.verify('churn', 3)")


def test_publishing_again_with_a_trusted_key_mends_what_was_not_signed(
    shared: Database, key: Path, tmp_path: Path
) -> None:
    """The same bytes and another key are another version; the same key, or none, is the one that stands."""
    path = tmp_path / "model.joblib"
    joblib.dump(opaque_pipeline(), path)  # its bytes change whenever it is asked

    def publish(**given: Any) -> pgscore.Published:  # noqa: ANN401
        return pgscore.publish(shared.dsn(), "mended", path, golden=customers(), **given)

    first = publish()
    assert "carries no signature" in (first.problem or "")
    assert publish().created is False
    second = publish(key=key, promoted=True)
    assert (second.version, second.created, second.problem) == (2, True, None)
    for again in (publish(key=key), publish()):
        assert (again.version, again.created) == (2, False)
