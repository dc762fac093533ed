"""Events through Kafka to a score in the profile: one worker of pgscore's, beside one that is written by hand."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from .figure import Detail, Measured
from .pairs import in_turn, spread
from .stream_place import WARM, Phase, Place
from .stream_worker import WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .pairs import Spread
    from .stream_place import Run

    Runs = dict[str, list[Run]]

_OURS, _BY_HAND = WORKERS
# Messages that are there when a worker begins, for its rate; messages a second, and for how long, for its latency.
_BACKLOG = {_OURS: 60_000, _BY_HAND: 2_000}
_RATES = {100: 10, 1000: 3}
# As many as it can: half of what it does of a backlog, or as much less as leaves it level.
_MOST, _MOST_SECONDS, _MOST_LINGER, _LEVEL = (0.5, 0.25, 0.125), 5, 5, 500.0
_SHARES = {"p50": 0.5, "p99": 0.99}
# While a worker is stopped so many messages a second come, and go on coming.
_PAUSE_RATE = 100
# It is given half as long again as it should need to be level, and a moment for joining the group anew.
_AMPLE, _JOINING, _LONGEST = 1.5, 10.0, 60.0


def rates(field: Field) -> list[Measured]:
    """Events a second of a worker that has a backlog; how long an event takes at several rates; and after a pause.

    Raises:
        BaselineError: Kafka cannot be fetched or started, or a worker ends.
    """
    pairs = field.effort.streams
    with Place(field).ready() as place:
        full = _both(lambda which: place.run(which, backlog=_BACKLOG[which]), pairs)
        found = [_compared("events", full, lambda run: run.rate, "events/s")]
        best = {which: spread([run.rate for run in runs]).median for which, runs in full.items()}
        for rate, seconds in _RATES.items():
            found += _latencies(place, rate, seconds, pairs)
        return [*found, *_most(place, best[_OURS], pairs), _paused(place, best, pairs, field.effort.pause)]


def _latencies(place: Place, rate: int, seconds: int, pairs: int) -> list[Measured]:
    """Who cannot keep up is asked nevertheless: what waits shows."""
    runs = _both(lambda which: place.run(which, Phase(rate, WARM + seconds)), pairs)
    found = [
        _compared(f"latency-{rate}-{name}", runs, partial(_latency, share=share), "ms")
        for name, share in _SHARES.items()
    ]
    first = {which: spread([run.slowest_first for run in some]) for which, some in runs.items()}
    words = f"slowest of the first {WARM:.0f} s"
    found[-1].details.extend(Detail(f"{which}, {words}", each, "ms") for which, each in first.items())
    return found


def _latency(run: Run, share: float) -> float:
    return run.latency(share)


def _most(place: Place, best: float, pairs: int) -> list[Measured]:
    for part in _MOST:
        rate = int(part * best)
        phase = Phase(rate, WARM + _MOST_SECONDS)
        runs = [place.run(_OURS, phase, linger=_MOST_LINGER)]
        if runs[0].latency(0.5) < _LEVEL:
            break
    runs += [place.run(_OURS, phase, linger=_MOST_LINGER) for _ in range(pairs - 1)]
    return [
        Measured(spread([run.latency(share) for run in runs]), "ms", f"latency-most-{name}", f"at {rate:,} events/s")
        for name, share in _SHARES.items()
    ]


def _both(run: Callable[[str], Run], pairs: int) -> Runs:
    """Runs of each worker in turn; those of one place in the lists are a pair."""
    runs: Runs = {which: [] for which in WORKERS}

    def side(which: str) -> float:
        runs[which].append(run(which))
        return 0.0

    in_turn([partial(side, which) for which in WORKERS], pairs)
    return runs


def _compared(part: str, runs: Runs, value: Callable[[Run], float], unit: str, further: str = "") -> Measured:
    values = {which: [value(run) for run in some] for which, some in runs.items()}
    ratios = [ours / theirs for ours, theirs in zip(values[_OURS], values[_BY_HAND], strict=True)]
    spreads: dict[str, Spread] = {which: spread(some) for which, some in values.items()}
    note = ", ".join(f"{which} {each.median:,.1f} {unit}" for which, each in spreads.items())
    details = [Detail(which, each, unit) for which, each in spreads.items()]
    return Measured(spread(ratios), part=part, note=note + further, details=details)


def _paused(place: Place, best: dict[str, float], pairs: int, seconds: int) -> Measured:
    """Seconds until level after a pause. Pauses overlap and what follows them does not: no two go on at once."""
    after = {which: _needed(seconds, each) for which, each in best.items()}
    order = [which for number in range(pairs) for which in (WORKERS if number % 2 == 0 else reversed(WORKERS))]

    def one(which: str, delay: float) -> Run:
        time.sleep(delay)
        phases = Phase(_PAUSE_RATE, WARM), Phase(_PAUSE_RATE, seconds, stopped=True), Phase(_PAUSE_RATE, after[which])
        return place.run(which, *phases)

    delays = [sum(after[which] for which in order[:number]) for number in range(len(order))]
    with ThreadPoolExecutor(len(order)) as pool:
        done = list(pool.map(one, order, delays))
    runs: Runs = {which: [run for of, run in zip(order, done, strict=True) if of == which] for which in WORKERS}
    lags = {which: spread([float(run.worst_lag) for run in some]) for which, some in runs.items()}
    worst = ", ".join(f"{which} {each.median:,.0f}" for which, each in lags.items())
    further = f"; {seconds} s at {_PAUSE_RATE}/s; worst lag {worst} messages"
    late = {which: sum(run.level > run.followed for run in some) for which, some in runs.items()}
    if any(late.values()):
        # What was given them is the least that it took.
        further += "; never level: " + ", ".join(f"{which} {number} of {pairs}" for which, number in late.items())
    found = _compared("pause", runs, lambda run: min(run.level, run.followed), "s until level", further)
    found.details.extend(Detail(f"{which}, worst lag", each, "messages") for which, each in lags.items())
    return found


def _needed(pause: float, best: float) -> float:
    spare = best - _PAUSE_RATE
    ample = _AMPLE * pause * _PAUSE_RATE / spare if spare > 0 else _LONGEST
    return min(ample, _LONGEST) + _JOINING
