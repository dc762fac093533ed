"""Readers: from fitted estimators to programs, one family beside the other."""

from .entry import read_program
from .writing.terms import absolute_terms

__all__ = ["absolute_terms", "read_program"]
