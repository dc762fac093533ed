"""An application at work: customers complain, one transaction each, until it is stopped. It knows nothing of pgscore.

Reads DATABASE_URL, and from the command line how many complaints there are to be (without end) and the seconds between.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import time
from contextlib import closing

import psycopg2

from .application import complain

_CUSTOMERS = 5000
_KINDS = ("billing", "coverage", "hotline")


def main() -> int:
    """Complains; the exit code says whether the database took it all."""
    parser = argparse.ArgumentParser(prog="python -m examples.churn.complain", description=__doc__)
    parser.add_argument("--count", type=int, help="how many complaints; without it, until it is stopped")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two of them")
    options = parser.parse_args()
    chance = random.Random(0)  # noqa: S311  whom it hits does not matter
    try:
        with closing(psycopg2.connect(os.environ.get("DATABASE_URL", ""))) as connection:
            for number in itertools.count():
                if number == options.count:
                    break
                if number:
                    time.sleep(options.pause)
                complain(connection, chance.randint(1, _CUSTOMERS), chance.choice(_KINDS), "once more")
    except psycopg2.Error as error:
        print(f"complain: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
