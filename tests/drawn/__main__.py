"""`make parity`: models drawn at random, of all that has a reader, scored in every engine and compared."""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pgscore
from pgscore.readers import dispatch

from tests.support.database import Session

from .case import key_of
from .place import TEMPLATE, place
from .predictors import PREDICTORS
from .report import Run, page
from .transformers import TRANSFORMERS
from .worker import begin, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.pool import IMapIterator

    from .case import Outcome

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "coverage.md"
_MEMORY = Path("/dev/shm")  # noqa: S108  the cluster's folder in it has a name that nobody guesses
_ROOM = 2 * 1024**3


def without_generator() -> list[str]:
    """Classes that have a reader, and nothing here that draws them; files of other tools have tests/formats."""
    return sorted(
        {
            key
            for key in dispatch.PREDICTORS
            if key not in PREDICTORS and not key.startswith(("pgscore.", "pgscore_runtime."))
        }
        | {key for key in dispatch.TRANSFORMERS if key not in TRANSFORMERS}
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make parity", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="how many models (10000)")
    parser.add_argument("--seed", type=int, help="what all of them follow from; without it, another one in each run")
    parser.add_argument("--case", type=int, action="append", help="this one only; again for more")
    parser.add_argument("--only", help="cases about predictors whose names hold this")
    parser.add_argument("--minutes", type=float, help="stop after so many, and report what is done")
    parser.add_argument("--workers", type=int, default=2, help="how many run side by side (2)")
    parser.add_argument("--published", type=int, default=25, help="each so manieth is published as well (25)")
    parser.add_argument("--no-page", action="store_true", help="leave docs/coverage.md as it is")
    return parser.parse_args()


def main() -> int:
    """0 where nothing differs, 1 where something does, or a reader has no generator."""
    given = _parse()
    missing = without_generator()
    if missing:
        print(f"parity: nothing in tests/drawn draws {', '.join(missing)}, which a reader reads", file=sys.stderr)
        return 1
    seed = given.seed if given.seed is not None else int(time.time()) % 1_000_000
    indexes = given.case or [n for n in range(given.cases) if given.only is None or given.only in key_of(n)]
    print(f"parity: seed {seed}, {len(indexes)} cases")
    with tempfile.TemporaryDirectory() as secrets:
        key = Path(secrets) / "key.pem"
        pgscore.generate_key(key)
        memory = _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM else None
        with place(key, memory=memory) as cluster:
            session = Session(cluster.dsn(TEMPLATE))
            server = str(session.value("show server_version")).split(" ")[0]
            session.close()
            folder = _ROOT / "build" / "parity"
            found = _all(cluster.dsn("{}").replace("%7B%7D", "{}"), key, seed, given, indexes, folder, server)
    for each in found.problems:
        print(f"case {each.index} ({each.key}): make parity ARGS='--seed {seed} --case {each.index}'")
        print("".join(f"    {what}\n" for what in each.problems[:3]), end="")
    if not given.case and given.only is None and not given.no_page:
        _PAGE.write_text(page(found))
    for key_ in found.never:
        print(f"parity: {key_} has a reader and became no program")
    print(f"parity: {len(found.outcomes)} cases, {len(found.problems)} with a difference, {found.seconds:.0f} s")
    return 1 if found.problems or found.never else 0


def _all(
    dsn: str, key: Path, seed: int, given: argparse.Namespace, indexes: list[int], folder: Path, server: str
) -> Run:
    started = time.monotonic()
    outcomes: list[Outcome] = []
    # Libraries' threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    arguments = (dsn, key, seed, given.published, folder)
    ends = None if given.minutes is None else started + 60 * given.minutes
    with context.Pool(min(given.workers, len(indexes)), begin, arguments) as pool:
        for outcome in _until(ends, pool.imap_unordered(run, indexes)):
            outcomes.append(outcome)
            if outcome.problems:
                print(f"case {outcome.index} ({outcome.key}): {outcome.problems[0]}", flush=True)
            if len(outcomes) % 250 == 0:
                print(f"parity: {len(outcomes)} cases, {time.monotonic() - started:.0f} s", flush=True)
    return Run(seed, sorted(outcomes, key=lambda each: each.index), time.monotonic() - started, server)


def _until(ends: float | None, outcomes: IMapIterator[Outcome]) -> Iterator[Outcome]:
    """Outcomes as they come, up to a time of the monotonic clock: a model that takes long to fit is not waited for."""
    while True:
        try:
            yield outcomes.next(None if ends is None else max(0.0, ends - time.monotonic()))
        except (StopIteration, multiprocessing.TimeoutError):
            return


if __name__ == "__main__":
    sys.exit(main())
