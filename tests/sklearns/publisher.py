"""Run by either Python: fits models that are drawn at random, publishes them, and says what they give for rows.

The arguments are a connection string, a private key, a seed, how many are drawn, and the file for what they give.
"""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path

import pgscore
import psycopg2
from pgscore.errors import PgscoreError

from tests.drawn.case import prepare
from tests.drawn.expected import expect
from tests.drawn.models import NothingFitsError


def main() -> None:
    """Does it."""
    dsn, key, seed, count, file = sys.argv[1:]
    told = []
    # One session for all, which loads scikit-learn once.
    connection = psycopg2.connect(dsn)
    warnings.simplefilter("ignore")
    for index in range(int(count)):
        try:
            prepared = prepare(int(seed), index)
        except (NothingFitsError, PgscoreError):  # which the other tests look at
            continue
        if prepared.reading is None:
            continue
        expected = expect(prepared.drawn.estimator, prepared.version.contract, prepared.reading, prepared.rows)
        published = pgscore.publish(
            connection, f"m{index}", prepared.drawn.estimator, golden=prepared.sample, key=key,
            positive=prepared.drawn.positive,
        )  # fmt: skip
        told.append(
            {
                "model": f"m{index}",
                "key": prepared.drawn.key,
                "problem": published.problem,
                "verified": {each.engine: each.ok for each in published.verifications},
                "rows": prepared.rows,
                "expected": [asdict(each) for each in expected],
            }
        )
    Path(file).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
