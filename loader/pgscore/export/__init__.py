"""Scores, to where they are read: Redis, files, SFTP servers, other databases."""

from .records import Exported
from .run import export_scores

__all__ = ["Exported", "export_scores"]
