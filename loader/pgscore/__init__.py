"""pgscore: scores machine-learning models inside PostgreSQL, in the transaction that changes the data."""

from .bindings import Advice, Attached, Reconciled, attach, detach, reconcile
from .errors import PgscoreError, UnreachableError
from .installation import Migrated, OwnersBinding, Upgraded, install, uninstall, upgrade
from .keys import generate_key, read_public_key, revoke_key, trust_key
from .publishing.publish import Published, publish
from .registry import (
    Verification,
    confirm,
    forget_profile,
    list_models,
    promote,
    prune,
    retire,
    rollback,
    show_model,
    verify,
)

__all__ = [
    "Advice",
    "Attached",
    "Migrated",
    "OwnersBinding",
    "PgscoreError",
    "Published",
    "Reconciled",
    "UnreachableError",
    "Upgraded",
    "Verification",
    "attach",
    "confirm",
    "detach",
    "forget_profile",
    "generate_key",
    "install",
    "list_models",
    "promote",
    "prune",
    "publish",
    "read_public_key",
    "reconcile",
    "retire",
    "revoke_key",
    "rollback",
    "show_model",
    "trust_key",
    "uninstall",
    "upgrade",
    "verify",
]
