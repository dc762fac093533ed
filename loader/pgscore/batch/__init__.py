"""Scores of whole tables: all rows brought up to the version that serves."""

from .rescore import OwnersTable, Rescored, rescore, rescore_model

__all__ = ["OwnersTable", "Rescored", "rescore", "rescore_model"]
