"""`make bench-quick` and `make bench`: pgscore beside other ways to score, as ratios."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from examples.server.signals import Signals

if TYPE_CHECKING:
    from .field import Field
    from .figure import Figure
    from .listing import Line


def main() -> int:
    """Measures and prints; 0 even where a figure is short, 1 where something cannot run or computes something else."""
    given = _parse()
    signals = Signals()
    # Imported only now: pandas and scikit-learn take a second, in which Ctrl-C should end in silence too.
    import psycopg2
    from pgscore import PgscoreError

    from .contender import BaselineError

    try:
        return _measure(given, signals)
    except (BaselineError, PgscoreError, psycopg2.Error, ImportError, OSError) as error:
        print(f"bench: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pairs: under three minutes")
    parser.add_argument("--long", action="store_true", help="medians, quartiles and what each figure was made of")
    parser.add_argument("--json", action="store_true", help="all of it as one JSON document")
    parser.add_argument("--jit", action="store_true", help="with JIT, which is off otherwise")
    parser.add_argument(
        "--largest",
        type=int,
        metavar="N",
        help="how many profiles, and events in a statement, growth is followed to, such as 10000000",
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="figures whose names hold this; again for more"
    )
    return parser.parse_args()


def _measure(given: argparse.Namespace, signals: Signals) -> int:
    from . import figures, listing, pairs, setting
    from .field import Field

    chosen = [
        each
        for each in figures.FIGURES
        if any(name in each.name for name in given.only) or (not given.only and (each.quick or not given.quick))
    ]
    if not chosen:
        print(f"bench: no figure is called so; there are {', '.join(f.name for f in figures.FIGURES)}", file=sys.stderr)
        return 2
    effort = pairs.QUICK if given.quick else pairs.LONG
    if given.largest:
        effort = replace(effort, profiles=given.largest, largest=given.largest)
    start = time.monotonic()
    lines: list[Line] = []
    with setting.serving(signals, jit=given.jit) as server, tempfile.TemporaryDirectory(prefix="pgscore-") as folder:
        place = server.describe()
        if not given.json:
            print("\n".join(place), flush=True)
        field = Field(server, Path(folder), effort)
        for figure in chosen:
            for line in _lines(field, figure):
                lines.append(line)
                if not given.json:
                    print(listing.text(line, long=given.long), flush=True)
    if given.json:
        print(listing.document(place, lines))
    else:
        print(f"{time.monotonic() - start:.0f} s in all")
    return 1 if any(line.wrong for line in lines) else 0


def _lines(field: Field, figure: Figure) -> list[Line]:
    import psycopg2
    from pgscore import PgscoreError

    from .contender import NotTheSameError
    from .listing import Line
    from .pgbench import PgbenchError

    try:
        measured = figure.measure(field)
    except (PgscoreError, psycopg2.Error, NotTheSameError, PgbenchError) as error:
        reason = str(error).strip().splitlines()[0]
        return [Line(figure.name, figure.wanted, reason=reason, wrong=isinstance(error, NotTheSameError))]
    return [Line(f"{figure.name}/{each.part}" if each.part else figure.name, figure.wanted, each) for each in measured]


if __name__ == "__main__":
    sys.exit(main())
