"""Releases in several databases at once, all or none: the shards of an application."""

from .prepared import PreparedRelease, prepared_releases
from .release import ReleasedIn, promote_everywhere, rollback_everywhere
from .settling import Settled, settle

__all__ = [
    "PreparedRelease",
    "ReleasedIn",
    "Settled",
    "prepared_releases",
    "promote_everywhere",
    "rollback_everywhere",
    "settle",
]
