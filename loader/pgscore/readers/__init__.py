"""Readers: from fitted estimators to programs, one family beside the other."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .entry import Reading, read_program
    from .writing.local import single_errors
    from .writing.terms import absolute_terms, decided_by, deciding_terms, scores_of

__all__ = [
    "Reading",
    "absolute_terms",
    "decided_by",
    "deciding_terms",
    "read_program",
    "scores_of",
    "single_errors",
]

_MODULES = {
    "Reading": ".entry",
    "absolute_terms": ".writing.terms",
    "decided_by": ".writing.terms",
    "deciding_terms": ".writing.terms",
    "read_program": ".entry",
    "scores_of": ".writing.terms",
    "single_errors": ".writing.local",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    # Whoever measures a program by its terms needs none of the libraries that estimators are read with.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)
