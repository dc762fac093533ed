"""What the database tells of scores that change: crossings by NOTIFY, and all changes by the outbox."""

from .following import follow_changes, follow_crossings
from .outbox import Batch, Change, horizon, read_changes, why_silent
from .positions import FilePosition, KeptPosition, NoPosition, TablePosition
from .stop import Stop

__all__ = [
    "Batch",
    "Change",
    "FilePosition",
    "KeptPosition",
    "NoPosition",
    "Stop",
    "TablePosition",
    "follow_changes",
    "follow_crossings",
    "horizon",
    "read_changes",
    "why_silent",
]
