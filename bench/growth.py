"""How time grows: with profiles, events of a statement, models of a profile, versions, inputs and trees."""

from __future__ import annotations

import io
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pgscore
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from .attached import CLERK, Pair, attach, check, detach, fill, make, sweep
from .customers import churned, predictors
from .figure import Detail, Measured
from .models import LINEAR
from .pairs import spread
from .registered import copy_model, copy_versions
from .shape import exponent, word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .field import Field
    from .setting import Session

_CUSTOMERS = 10_000
_TRANSACTIONS = 50
_BLOCKS = 5
_LEAST_PROFILES = 10_000
_MODELS = (1, 5, 10, 20, 40)
_VERSIONS = (1, 10, 100, 1_000)
_INPUTS = (10, 30, 100, 300)
_TREES = (10, 30, 100, 300)
_ROWS = 2_000
_SPACE = "bench"
_UNITS = ((1e6, "µs"), (1e3, "ms"), (1, "s"))
_THOUSAND = 1_000
# What a session keeps for functions that it has called.
_HELD = """
    select sum(total_bytes) / 1048576.0 from pg_backend_memory_contexts
    where name in (
        'CachedPlan', 'CachedPlanSource', 'CachedPlanQuery', 'PL/pgSQL function', 'SPI Plan', 'CacheMemoryContext'
    )
"""


def profiles(field: Field) -> list[Measured]:
    """Time of a transaction with one event, against how many profiles there are."""
    field.ours(LINEAR)
    sizes = _powers(_LEAST_PROFILES, field.effort.profiles)
    found: list[float] = []
    with field.server.session() as owner, field.server.session() as clerk:
        for size in sizes:
            pair = make(owner, f"profiles_{size}", 0)
            attach(owner, pair, LINEAR, "commit")
            fill(owner, pair, size)
            clerk.run(f"set role {CLERK}")
            found.append(_least(partial(_events, clerk, pair, size)))
            check(owner, pair, LINEAR, scored=True)
            detach(owner, pair)
            owner.run(f"drop table {pair.events}, {pair.profile} cascade")
    return [_grown("", sizes, found, "an event among {:,} profiles")]


def events(field: Field) -> list[Measured]:
    """Time of a statement, against how many events it brings."""
    field.ours(LINEAR)
    sizes = _powers(1, field.effort.largest)
    found: list[float] = []
    with field.server.session() as owner, field.server.session() as clerk:
        pair = make(owner, "events", _CUSTOMERS)
        attach(owner, pair, LINEAR, "commit")
        clerk.run("set statement_timeout = 0")
        clerk.run(f"set role {CLERK}")
        for size in sizes:
            sweep(owner, pair)
            insert = (
                f"insert into {pair.events} (customer)"  # noqa: S608  our own names
                f" select 1 + i % {_CUSTOMERS} from generate_series(1, {size}) i"
            )
            found.append(_least(partial(clerk.seconds, insert), 1 if size > _CUSTOMERS else _BLOCKS))
        check(owner, pair, LINEAR)
        detach(owner, pair)
    return [_grown("", sizes, found, "a statement of {:,} events")]


def models(timing: str) -> Callable[[Field], list[Measured]]:
    """Time of an event and of a thousand, what a session keeps, and time of the last attach, by how many models."""
    return partial(_models, timing)


def _models(timing: str, field: Field) -> list[Measured]:
    field.ours(LINEAR)
    sizes = [size for size in _MODELS if size <= field.effort.models]
    event: list[float] = []
    many: list[float] = []
    held: list[float] = []
    attached: list[float] = []
    with field.server.session() as owner:
        pair = make(owner, f"models_{timing}", len(predictors()))
        names: list[str] = []
        for size in sizes:
            while len(names) < size:
                names.append(f"{timing}_{len(names)}")
                copy_model(owner, LINEAR, names[-1])
                columns = (f"counted_{names[-1]}", f"score_{names[-1]}", f"version_{names[-1]}")
                owner.run(
                    "alter table {} add {} bigint not null default 0, add {} float8, add {} integer".format(
                        pair.profile, *columns
                    )
                )
                start = time.perf_counter()
                attach(owner, pair, names[-1], timing, columns=columns)
                took = time.perf_counter() - start
            attached.append(took)
            sweep(owner, pair)
            with field.server.session() as clerk:
                clerk.run(f"set role {CLERK}")
                event.append(_least(partial(_events, clerk, pair, len(predictors()))))
                many.append(_least(partial(clerk.seconds, _thousand(pair))))
                clerk.run("reset role")
                held.append(float(clerk.value(_HELD)))
        for name in names:
            check(owner, pair, name, scored=True, columns=(f"counted_{name}", f"score_{name}"))
        detach(owner, pair)
    return [
        _grown("event", sizes, event, "an event with {} models"),
        _grown("events", sizes, many, "a thousand events with {} models"),
        _grown("memory", sizes, held, "a session that knows {} models keeps", _megabytes),
        _grown("attach", sizes, attached, "attaching number {}"),
    ]


def versions(field: Field) -> list[Measured]:
    """Time of a promotion and of an event, against how many versions the registry holds."""
    field.ours(LINEAR)
    sizes = [size for size in _VERSIONS if size <= field.effort.versions]
    promoted: list[float] = []
    event: list[float] = []
    with field.server.session() as owner, field.server.session() as clerk:
        pair = make(owner, "versions", len(predictors()))
        copy_model(owner, LINEAR, "aged")
        attach(owner, pair, "aged", "commit")
        clerk.run(f"set role {CLERK}")
        for size in sizes:
            copy_versions(owner, "aged", size)
            owner.run("vacuum analyze pg_proc")
            promoted.append(_least(partial(owner.seconds, f"select pgscore.promote('aged', {size}, 'sql')")))
            event.append(_least(partial(_events, clerk, pair, len(predictors()))))
        detach(owner, pair)
    return [
        _grown("promote", sizes, promoted, "a promotion with {:,} versions"),
        _grown("event", sizes, event, "an event with {:,} versions"),
    ]


def inputs(field: Field) -> list[Measured]:
    """Time to publish, and time of a row, against how many inputs a linear model has."""
    random = np.random.default_rng(0)
    sizes = [size for size in _INPUTS if size <= field.effort.inputs]

    def fit(size: int) -> tuple[LogisticRegression, pd.DataFrame]:
        frame = pd.DataFrame(random.normal(size=(_ROWS, size)), columns=[f"x{number}" for number in range(size)])
        return LogisticRegression(max_iter=500).fit(frame, frame["x0"] + random.normal(size=_ROWS) > 0), frame

    return _of_models(field, "wide", sizes, fit, "{} inputs")


def trees(field: Field) -> list[Measured]:
    """Time to publish, and time of a row, against how many trees a model has."""
    sizes = [size for size in _TREES if size <= field.effort.trees]

    def fit(size: int) -> tuple[GradientBoostingClassifier, pd.DataFrame]:
        model = GradientBoostingClassifier(n_estimators=size, max_depth=3, random_state=0)
        return model.fit(predictors(), churned()), predictors().head(_ROWS)

    return _of_models(field, "deep", sizes, fit, "{} trees")


def _of_models(
    field: Field, name: str, sizes: Sequence[int], fit: Callable[[int], tuple[object, pd.DataFrame]], what: str
) -> list[Measured]:
    published: list[float] = []
    row: list[float] = []
    with field.server.session() as session:
        for size in sizes:
            model, frame = fit(size)
            table = f"{_SPACE}.{name}_{size}"
            columns = ", ".join(f"{each} double precision" for each in frame)
            session.run(f"create table {table} (id integer primary key, {columns})")
            lines = io.StringIO(frame.reset_index(drop=True).to_csv(header=False))
            session.copy(f"copy {table} from stdin with (format csv)", lines)
            session.run(f"analyze {table}")
            start = time.perf_counter()
            done = pgscore.publish(
                field.server.dsn, f"{name}_{size}", model, profile=table, key=field.key, promoted=True
            )
            published.append(time.perf_counter() - start)
            if done.problem:
                raise pgscore.PgscoreError(done.problem)
            query = f"select sum(pgscore.score('{name}_{size}', c)) from {table} c"  # noqa: S608  our own names
            session.run(query)
            row.append(_least(partial(session.seconds, query)) / len(frame))
    return [
        _grown("row", sizes, row, f"a row of a query, with {what}"),
        _grown("publish", sizes, published, f"publishing {what}"),
    ]


def _events(clerk: Session, pair: Pair, customers: int) -> float:
    """Seconds of a transaction with one event, over a connection, each of another customer."""
    step = max(1, customers // _TRANSACTIONS)
    start = time.perf_counter()
    for number in range(_TRANSACTIONS):
        clerk.run(pair.insert.replace("$1", str(1 + number * step)))
    return (time.perf_counter() - start) / _TRANSACTIONS


def _thousand(pair: Pair) -> str:
    """A statement of a thousand events, of half as many customers."""
    return f"insert into {pair.events} (customer) select 1 + i % 500 from generate_series(1, 1000) i"  # noqa: S608


def _powers(least: int, largest: int) -> list[int]:
    """Powers of ten from the least to the largest."""
    found = [least]
    while found[-1] * 10 <= largest:
        found.append(found[-1] * 10)
    return found


def _least(measure: Callable[[], float], times: int = _BLOCKS) -> float:
    """The least of several times, which was interrupted least."""
    return min(measure() for _ in range(times))


def _duration(seconds: float) -> tuple[float, str]:
    factor, unit = next((each for each in _UNITS if seconds * each[0] < _THOUSAND), _UNITS[-1])
    return seconds * factor, unit


def _megabytes(size: float) -> tuple[float, str]:
    return size, "MB"


def _grown(
    part: str,
    sizes: Sequence[int],
    values: Sequence[float],
    what: str,
    shown: Callable[[float], tuple[float, str]] = _duration,
) -> Measured:
    """The exponent, what it is called, and all values."""
    slope = exponent(sizes, values)
    said = [shown(value) for value in values]
    ends = " to ".join(f"{value:,.3g} {unit}" for value, unit in (said[0], said[-1]))
    return Measured(
        spread([slope]),
        part=part,
        note=f"{word(slope)}: {ends} from {sizes[0]:,} to {sizes[-1]:,}",
        details=[
            Detail(what.format(size), spread([value]), unit) for size, (value, unit) in zip(sizes, said, strict=True)
        ],
    )
