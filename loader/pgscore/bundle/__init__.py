"""A version as one document, and what evaluates it without a database: `docs/bundle.md`.

Importing this takes the standard library and the runtime alone, no driver of databases and no numpy: functions that are
started for one request wait for it.
"""

from .evaluate import Bundle, Contribution
from .loading import load

__all__ = ["Bundle", "Contribution", "load"]
