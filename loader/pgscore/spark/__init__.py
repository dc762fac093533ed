"""Scores on a Spark cluster, equal to those in the database.

`score` ships the version that answers to the workers, `profile` reads a profile table in parts, and `write` stores the
scores there; `stream` stores what messages of Kafka's do to profiles. Needs pyspark: ``pip install 'pgscore[spark]'``.
"""

from .reading import profile
from .scoring import score
from .streaming import Batch, stream
from .writing import Written, write

__all__ = ["Batch", "Written", "profile", "score", "stream", "write"]
