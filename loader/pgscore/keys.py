"""Ed25519 keys: who may have a database unpickle their artifacts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .database import Database, rows, transaction
from .errors import PgscoreError

# cryptography is imported where it is needed: most commands have no key in their hands.
if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from pgscore_runtime.contract import Contract
    from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclass(frozen=True)
class PublicKey:
    """A public key.

    Attributes:
        raw: its 32 bytes.
    """

    raw: bytes

    @property
    def key_id(self) -> str:
        """First 16 hexadecimal digits of the sha256 of the raw key, as `pgscore_trusted.trusted_key` computes them."""
        return hashlib.sha256(self.raw).hexdigest()[:16]


@dataclass(frozen=True)
class Signature:
    """64 bytes, and the key that made them."""

    value: bytes
    key_id: str


def generate_key(path: Path) -> PublicKey:
    """Writes a new private key to a file that only its owner can read, and the public key beside it as `<path>.pub`.

    Raises:
        PgscoreError: the file exists, or its folder cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        _public_path(path).write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    except FileExistsError:
        raise PgscoreError(f"{path} exists, and a private key is never overwritten") from None
    except OSError as error:
        raise PgscoreError(f"the key cannot be written to {path}: {error.strerror}") from None
    return _public(public)


def read_public_key(path: Path) -> PublicKey:
    """Reads a public key in PEM.

    Raises:
        PgscoreError: the file cannot be read, or holds no Ed25519 public key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _read(path)
    if b"PRIVATE KEY" in pem:
        raise PgscoreError(f"{path} is a private key: trust the public one, {_public_path(path)}")
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise PgscoreError(f"{path} is no Ed25519 public key in PEM", "`pgscore keys generate` makes one.")
    return _public(key)


def sign(contract: Contract, artifact_sha256: str, path: Path) -> Signature:
    """Signs a contract and the artifact of this hexadecimal sha256 with the private key in a file.

    Raises:
        PgscoreError: the file cannot be read, or holds no Ed25519 private key.
    """
    return sign_message(contract.signed_message(artifact_sha256), path)


def sign_message(message: bytes, path: Path) -> Signature:
    """Signs bytes with the private key in a file.

    Raises:
        PgscoreError: the file cannot be read, or holds no Ed25519 private key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise PgscoreError(
            f"{path} is no Ed25519 private key in PEM without password", "`pgscore keys generate` makes one."
        )
    return Signature(private.sign(message), _public(private.public_key()).key_id)


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


def _public(key: Ed25519PublicKey) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return PublicKey(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _public_path(path: Path) -> Path:
    return path.with_name(path.name + ".pub")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PgscoreError(f"{path} cannot be read: {error.strerror}") from None
