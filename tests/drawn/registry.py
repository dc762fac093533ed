"""A model by the way that people take: published for a table, verified, served, and asked as applications ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pgscore
import psycopg2
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tests.parity.engines import ENGINES, NO_MEASURE, Kept, Lab, Published
from tests.support.database import Session

from .draw import Draw
from .engines import Answer
from .expected import expect
from .judge import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pgscore.readers import Reading
    from pgscore_runtime.contract import Contract

    from .case import Prepared
    from .rows import Row

_NUMBERS = ("double precision", "double precision", "numeric", "parity_money", "real", "numeric(30,12)")
_WHOLE = ("bigint", "integer")
_TEXTS = ("text", "text", "varchar(80)", "parity_word")


class Registry:
    """A database where models are published; its session has scikit-learn loaded."""

    def __init__(self, dsn: str, key: Path) -> None:
        self._connection = psycopg2.connect(dsn, connection_factory=Kept)
        engine = create_engine("postgresql+psycopg2://", creator=lambda: self._connection, poolclass=NullPool)
        self.session = Session(dsn)
        self.session.run(NO_MEASURE)
        self._lab = Lab(self.session, engine, key, dsn)

    def close(self) -> None:
        """Ends its sessions."""
        psycopg2.extensions.connection.close(self._connection)
        self.session.close()

    def verdict(self, prepared: Prepared, seed: int, index: int) -> Verdict:
        """Publishes a program, and compares what each engine says of rows of a table, in every form of asking."""
        draw = Draw(seed, index, 2)
        names = list(prepared.sample.columns)
        fitted = prepared.drawn.data.kinds
        types = {name: _type(draw, prepared, column) for name, column in zip(names, fitted, strict=True)}
        name = f"m{index}"
        columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
        self.session.run(f"create table p_{name} (n integer primary key, {columns})")
        given = pgscore.publish(
            self._lab.engine, name, prepared.drawn.estimator, golden=prepared.sample,
            profile=f"p_{name}", key=self._lab.key, positive=prepared.drawn.positive,
        )  # fmt: skip
        wrong = [f"verify finds {each.engine} wrong" for each in given.verifications if not each.ok]
        if given.problem is not None or given.obstacle is not None:
            wrong.append(f"published with: {given.problem or given.obstacle}")
        published = Published(self.session, name, prepared.drawn.estimator, types, {})
        published.insert(_holdable(prepared.rows))
        reading = _named(prepared.reading, published.contract)
        expected = expect(prepared.drawn.estimator, published.contract, reading, published.rows)
        verdict = Verdict(problems=[(each, 0) for each in wrong])
        for engine in [each for each in ENGINES if each in {one.engine for one in given.verifications}]:
            published.serve(engine)
            for answer, chosen in _asked(published, engine):
                some = judge(
                    published.contract, [published.rows[n] for n in chosen], [expected[n] for n in chosen], [answer]
                )
                verdict.problems += some.problems
                verdict.compared += some.compared
        return verdict


def _named(reading: Reading | None, contract: Contract) -> Reading | None:
    """A reading whose inputs are called as in this contract."""
    if reading is None:
        return None
    inputs = [
        given | {"name": each.name} for given, each in zip(reading.program["inputs"], contract.inputs, strict=True)
    ]
    return replace(reading, program={**reading.program, "inputs": inputs})


def _type(draw: Draw, prepared: Prepared, name: str) -> str:
    kind = prepared.drawn.data.kinds[name]
    if kind == "boolean":
        return "boolean"
    if kind == "text":
        return draw.pick(_TEXTS)
    values = prepared.drawn.data.frame[name].dropna()
    if (values % 1 == 0).all() and (values.abs() < 2**31).all() and draw.chance(0.7):
        return draw.pick(_WHOLE)
    return draw.pick(_NUMBERS)


def _holdable(rows: Sequence[Row]) -> list[Row]:
    return [list(row) for row in rows]


def _asked(published: Published, engine: str) -> list[tuple[Answer, list[int]]]:
    """The answers of one engine in each form, and the rows that it was asked about."""
    found: list[tuple[Answer, list[int]]] = []

    def add(form: str, scores: Mapping[int, float | None]) -> None:
        chosen = sorted(scores)
        found.append((Answer(engine, form, [scores[n] for n in chosen]), chosen))

    for form in ("typed", "json", "record"):
        add(form, published.scores(form, engine))
    for single in (True, False):
        bound: dict[int, Any] = published.bound_scores(engine, single=single)
        add("one row bound" if single else "rows bound", {n: score for n, (score, _) in bound.items()})
    return found
