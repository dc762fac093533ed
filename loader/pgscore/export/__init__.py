"""Scores, to where they are read: Redis, files, SFTP servers, other databases."""

from .records import Exported, Options
from .run import export

__all__ = ["Exported", "Options", "export"]
