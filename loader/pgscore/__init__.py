"""pgscore: scores machine-learning models inside PostgreSQL, in the transaction that changes the data."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch import OwnersTable, Rescored, rescore, rescore_model
    from .bindings import (
        Advice,
        Attached,
        Outdated,
        Reattached,
        Reconciled,
        Removed,
        Ticked,
        attach,
        detach,
        detach_bindings,
        outdated,
        reattach,
        reattach_outdated,
        reconcile,
        tick,
    )
    from .bundle.make import make_bundle
    from .engines import AllowedEngine, allow_engine, allowed_engines, forbid_engine
    from .errors import BusyError, DeniedError, DependentsError, NotFoundError, PgscoreError, UnreachableError
    from .export import Exported, export_scores
    from .installation import Migrated, OwnersBinding, Upgraded, install, uninstall, upgrade
    from .keys import SignedVersion, TrustedKey, generate_key, read_public_key, revoke_key, trust_key, trusted_keys
    from .overview import (
        Bin,
        Comparison,
        Contribution,
        Explanation,
        Maintained,
        Moved,
        OutdatedRows,
        ReasonCode,
        compare,
        explain,
        maintain,
        outdated_rows,
        reason_codes,
    )
    from .publishing.publish import Published, publish
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
    from .rescuing import LeftOver, rescue
    from .shards import (
        PreparedRelease,
        ReleasedIn,
        Settled,
        prepared_releases,
        promote_everywhere,
        rollback_everywhere,
        settle,
    )
    from .vector.scorer import Scorer
    from .writers import ExportedModel, export_model

# Each is imported when it is asked for: a function that scores with a bundle is not to wait for a driver of databases.
_NAMES = {
    "batch": (
        "OwnersTable",
        "Rescored",
        "rescore",
        "rescore_model",
    ),
    "bindings": (
        "Advice",
        "Attached",
        "Outdated",
        "Reattached",
        "Reconciled",
        "Removed",
        "Ticked",
        "attach",
        "detach",
        "detach_bindings",
        "outdated",
        "reattach",
        "reattach_outdated",
        "reconcile",
        "tick",
    ),
    "bundle.make": ("make_bundle",),
    "engines": (
        "AllowedEngine",
        "allow_engine",
        "allowed_engines",
        "forbid_engine",
    ),
    "errors": (
        "BusyError",
        "DeniedError",
        "DependentsError",
        "NotFoundError",
        "PgscoreError",
        "UnreachableError",
    ),
    "export": (
        "Exported",
        "export_scores",
    ),
    "installation": (
        "Migrated",
        "OwnersBinding",
        "Upgraded",
        "install",
        "uninstall",
        "upgrade",
    ),
    "keys": (
        "SignedVersion",
        "TrustedKey",
        "generate_key",
        "read_public_key",
        "revoke_key",
        "trust_key",
        "trusted_keys",
    ),
    "overview": (
        "Bin",
        "Comparison",
        "Contribution",
        "Explanation",
        "Maintained",
        "Moved",
        "OutdatedRows",
        "ReasonCode",
        "compare",
        "explain",
        "maintain",
        "outdated_rows",
        "reason_codes",
    ),
    "publishing.publish": (
        "Published",
        "publish",
    ),
    "records": (
        "Dependent",
        "EngineTimes",
        "LateTable",
        "ModelDetails",
        "ModelSummary",
        "ModelVersion",
        "Promoted",
        "Promotion",
        "Pruned",
        "Verification",
    ),
    "registry": (
        "confirm",
        "dependents",
        "forget_profile",
        "list_models",
        "promote",
        "prune",
        "retire",
        "rollback",
        "show_model",
        "verify",
    ),
    "rescuing": (
        "LeftOver",
        "rescue",
    ),
    "shards": (
        "PreparedRelease",
        "ReleasedIn",
        "Settled",
        "prepared_releases",
        "promote_everywhere",
        "rollback_everywhere",
        "settle",
    ),
    "vector.scorer": ("Scorer",),
    "writers": (
        "ExportedModel",
        "export_model",
    ),
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names}
# `%load_ext pgscore` asks for it.
_PLACES["load_ipython_extension"] = "notebook"

__all__ = [
    "Advice",
    "AllowedEngine",
    "Attached",
    "Bin",
    "BusyError",
    "Comparison",
    "Contribution",
    "DeniedError",
    "Dependent",
    "DependentsError",
    "EngineTimes",
    "Explanation",
    "Exported",
    "ExportedModel",
    "LateTable",
    "LeftOver",
    "Maintained",
    "Migrated",
    "ModelDetails",
    "ModelSummary",
    "ModelVersion",
    "Moved",
    "NotFoundError",
    "Outdated",
    "OutdatedRows",
    "OwnersBinding",
    "OwnersTable",
    "PgscoreError",
    "PreparedRelease",
    "Promoted",
    "Promotion",
    "Pruned",
    "Published",
    "ReasonCode",
    "Reattached",
    "Reconciled",
    "ReleasedIn",
    "Removed",
    "Rescored",
    "Scorer",
    "Settled",
    "SignedVersion",
    "Ticked",
    "TrustedKey",
    "UnreachableError",
    "Upgraded",
    "Verification",
    "allow_engine",
    "allowed_engines",
    "attach",
    "compare",
    "confirm",
    "dependents",
    "detach",
    "detach_bindings",
    "explain",
    "export_model",
    "export_scores",
    "forbid_engine",
    "forget_profile",
    "generate_key",
    "install",
    "list_models",
    "maintain",
    "make_bundle",
    "outdated",
    "outdated_rows",
    "prepared_releases",
    "promote",
    "promote_everywhere",
    "prune",
    "publish",
    "read_public_key",
    "reason_codes",
    "reattach",
    "reattach_outdated",
    "reconcile",
    "rescore",
    "rescore_model",
    "rescue",
    "retire",
    "revoke_key",
    "rollback",
    "rollback_everywhere",
    "settle",
    "show_model",
    "tick",
    "trust_key",
    "trusted_keys",
    "uninstall",
    "upgrade",
    "verify",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
