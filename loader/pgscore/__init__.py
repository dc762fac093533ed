"""pgscore: scores machine-learning models inside PostgreSQL, in the transaction that changes the data."""

from .bindings import Advice, Attached, Reconciled, attach, detach, reconcile
from .errors import BusyError, DeniedError, DependentsError, NotFoundError, PgscoreError, UnreachableError
from .keys import generate_key, read_public_key, revoke_key, trust_key
from .publish import Published, publish
from .records import (
    Dependent,
    EngineTimes,
    LateTable,
    ModelDetails,
    ModelSummary,
    ModelVersion,
    Promoted,
    Promotion,
    Pruned,
    Verification,
)
from .registry import (
    confirm,
    dependents,
    forget_profile,
    list_models,
    promote,
    prune,
    retire,
    rollback,
    show_model,
    verify,
)
from .rescue import LeftOver, rescue

__all__ = [
    "Advice",
    "Attached",
    "BusyError",
    "DeniedError",
    "Dependent",
    "DependentsError",
    "EngineTimes",
    "LateTable",
    "LeftOver",
    "ModelDetails",
    "ModelSummary",
    "ModelVersion",
    "NotFoundError",
    "PgscoreError",
    "Promoted",
    "Promotion",
    "Pruned",
    "Published",
    "Reconciled",
    "UnreachableError",
    "Verification",
    "attach",
    "confirm",
    "dependents",
    "detach",
    "forget_profile",
    "generate_key",
    "list_models",
    "promote",
    "prune",
    "publish",
    "read_public_key",
    "reconcile",
    "rescue",
    "retire",
    "revoke_key",
    "rollback",
    "show_model",
    "trust_key",
    "verify",
]
