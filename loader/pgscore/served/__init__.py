"""Which version of a model answers, outside of the database: fetched once, and followed from promotion to promotion.

Whoever evaluates versions elsewhere (a stream's worker, a web service) connects as a login that has `pgscore_reader`.
"""

from .fetching import Mark, Served, fetch, marks
from .following import Follower

__all__ = ["Follower", "Mark", "Served", "fetch", "marks"]
