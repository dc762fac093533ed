"""How many examples Hypothesis tries: few and the same ones in `make test`, many and new ones in `make test-long`."""

from __future__ import annotations

import os

_FACTOR = int(os.environ.get("PGSCORE_TEST_EXAMPLES", "1"))
ALIKE = _FACTOR == 1
"""Whether each run tries the same examples."""


def examples(number: int) -> int:
    """So many in `make test`; in `make test-long` PGSCORE_TEST_EXAMPLES times as many."""
    return number * _FACTOR
