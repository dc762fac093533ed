"""pgscore: scores machine-learning models inside PostgreSQL, in the transaction that changes the data."""

from .errors import PgscoreError, UnreachableError
from .keys import generate_key, read_public_key, trust_key
from .publish import Published, publish
from .registry import Verification, list_models, promote, show_model, verify

__all__ = [
    "PgscoreError",
    "Published",
    "UnreachableError",
    "Verification",
    "generate_key",
    "list_models",
    "promote",
    "publish",
    "read_public_key",
    "show_model",
    "trust_key",
    "verify",
]
