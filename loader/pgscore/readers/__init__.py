"""Readers: from fitted estimators to programs, one family beside the other."""

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
