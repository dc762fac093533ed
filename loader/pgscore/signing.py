"""Signing, and reading the keys for it: without a database, and without its driver."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import PgscoreError

# cryptography is imported where it is needed: most commands have no key in their hands.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from pgscore_runtime.contract import Contract


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
