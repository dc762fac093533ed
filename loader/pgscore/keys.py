"""Ed25519 keys: who may have a database unpickle their artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .database import Database, rows, transaction
from .errors import PgscoreError
from .signing import PublicKey, Signature, generate_key, read_public_key, sign, sign_message

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import connection as Connection  # noqa: N812

__all__ = [
    "PublicKey",
    "Signature",
    "SignedVersion",
    "TrustedKey",
    "generate_key",
    "read_public_key",
    "revoke_key",
    "sign",
    "sign_message",
    "trust_key",
    "trusted_keys",
]


@dataclass(frozen=True)
class TrustedKey:
    """A key that a database trusts or has trusted.

    Attributes:
        key_id: the first 16 hexadecimal digits of the key's sha256.
        holder: who has the private key, as whoever trusted it said.
        trusted_at: since when.
        trusted_by: the role that trusted it.
        revoked_at: since when not any more, or None.
        versions: how many versions it signed.
    """

    key_id: str
    holder: str
    trusted_at: datetime
    trusted_by: str
    revoked_at: datetime | None
    versions: int


@dataclass(frozen=True)
class SignedVersion:
    """A version that a key signed.

    Attributes:
        model: the model's name.
        version: its number.
        serving: whether it answers.
        unpickled: whether it is unpickled to answer, rather than computed from its program.
    """

    model: str
    version: int
    serving: bool
    unpickled: bool


def trust_key(database: Database, key: PublicKey, holder: str) -> None:
    """Lets a database unpickle what this key signs: its holder can from then on run code as the server's user.

    Raises:
        PgscoreError: the caller is no superuser, or PL/Python is not installed.
    """
    with transaction(database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into pgscore_trusted.trusted_key (public_key, holder) values (%s, %s) on conflict do nothing",
            (key.raw, holder),
        )


def revoke_key(database: Database, key_id: str) -> list[SignedVersion]:
    """Has a database load nothing more that this key signed; who has loaded it already keeps it until they end.

    Returns:
        The versions that it signed.

    Raises:
        PgscoreError: the key is not known there, or the caller is no superuser.
    """
    with transaction(database) as connection:
        found = rows(
            connection,
            "update pgscore_trusted.trusted_key set revoked_at = coalesce(revoked_at, now()) where key_id = %s"
            " returning key_id",
            (key_id,),
        )
        if not found:
            raise PgscoreError(f"key {key_id} is not known to this database", "`pgscore keys list` shows the keys.")
        return _signed_versions(connection, key_id)


def _signed_versions(connection: Connection, key_id: str) -> list[SignedVersion]:
    found = rows(
        connection,
        "select v.model, v.version, v.version is not distinct from m.serving as serving,"
        " v.version is not distinct from m.serving and 'estimator' in (m.one_engine, m.many_engine) as unpickled"
        " from pgscore.model_version v join pgscore.model m on m.name = v.model"
        " where v.key_id = %s order by v.model, v.version",
        (key_id,),
    )
    return [SignedVersion(**each) for each in found]


def trusted_keys(database: Database) -> list[TrustedKey]:
    """The keys that a database trusts or has trusted, the first one first.

    Raises:
        PgscoreError: PL/Python is not installed, or the caller may not read them.
    """
    with transaction(database) as connection:
        found = rows(
            connection,
            "select k.key_id, k.holder, k.trusted_at, k.trusted_by, k.revoked_at,"
            " (select count(*) from pgscore.model_version v where v.key_id = k.key_id) as versions"
            " from pgscore_trusted.trusted_key k order by k.trusted_at",
        )
    return [TrustedKey(**each) for each in found]
