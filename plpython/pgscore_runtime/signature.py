"""Ed25519 signatures: who vouches for an artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import INSUFFICIENT_PRIVILEGE, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_signature(message: bytes, signature: bytes | None, key_id: str | None, trusted: Mapping[str, bytes]) -> None:
    """Returns where the signature of a trusted key covers the message.

    Args:
        message: what was signed.
        signature: 64 bytes, or None.
        key_id: the key that is said to have signed.
        trusted: raw public keys of 32 bytes by key id, revoked ones left out.

    Raises:
        Refusal: there is no signature, its key is not trusted, or it does not cover the message.
    """
    if signature is None or key_id is None:
        raise Refusal(
            INSUFFICIENT_PRIVILEGE,
            "the artifact carries no signature, and unpickling it could run any code",
            "Publish it again with `pgscore publish --key`, made by `pgscore keys generate`.",
        )
    public_key = trusted.get(key_id)
    if public_key is None:
        raise Refusal(
            INSUFFICIENT_PRIVILEGE,
            f"the artifact is signed with key {key_id}, which this database does not trust",
            "A superuser who trusts its holder runs `pgscore keys trust`.",
        )
    # Imported here: 42 ms that only a backend pays which is about to unpickle.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Refusal(
            INSUFFICIENT_PRIVILEGE,
            f"the signature of key {key_id} does not cover this artifact and contract: one of them was changed",
            "Publish the model again from its source.",
        ) from None
