"""A case: a model, its rows, and what all engines make of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pgscore.publishing.compile import compile_program, completed, scaled
from pgscore.publishing.describe import describe
from pgscore.publishing.fitted import input_names

from .engines import Version, answers
from .expected import expect
from .judge import judge
from .models import draw_model, readable
from .rows import draw_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from pgscore.readers import Reading

    from tests.support.database import Session

    from .models import Drawn
    from .rows import Row


@dataclass
class Outcome:
    """What came of a case.

    Attributes:
        index: its number.
        key: the predictor that it is about.
        made: the classes of all parts.
        engines: those that answered.
        obstacle: why it is no program; None where it is one.
        refused: why it cannot be published at all; None where it can.
        problems: what is wrong, a sentence each.
        rows: how many rows were scored.
        compared: how many numbers were compared.
        undecided: how many were not, as rounding decides them.
        largest: the largest difference in parts of what is allowed.
        difference: the largest difference, beside 1 or the number.
        single: whether sums of singles were allowed for.
        seconds: how long it took.
        published: whether it went through the registry, too.
        worst: the first row where something is wrong.
        row: that row, made smaller.
    """

    index: int
    key: str
    made: list[str] = field(default_factory=list)
    engines: list[str] = field(default_factory=list)
    obstacle: str | None = None
    refused: str | None = None
    problems: list[str] = field(default_factory=list)
    rows: int = 0
    compared: int = 0
    undecided: int = 0
    largest: float = 0.0
    difference: float = 0.0
    single: bool = False
    seconds: float = 0.0
    published: bool = False
    worst: int | None = None
    row: list[Any] | None = None


def key_of(index: int) -> str:
    """The predictor that a case is about: all of them in turn, some more often."""
    keys = [key for key, kind in readable()[0].items() for _ in range(kind.weight)]
    # A prime step, so that neighbours are of different kinds and two workers get the same mixture.
    return keys[index * 7919 % len(keys)] if len(keys) % 7919 else keys[index % len(keys)]


@dataclass
class Prepared:
    """A case before any database has seen it."""

    drawn: Drawn
    version: Version
    reading: Reading | None
    obstacle: str | None
    rows: list[Row]

    @property
    def sample(self) -> pd.DataFrame:
        """Golden rows: under the names that the model knows, as LightGBM makes others of some."""
        frame = self.drawn.sample
        names, _ = input_names(self.drawn.estimator, None, list(frame.columns))
        return frame.set_axis(names, axis=1)


def prepare(seed: int, index: int) -> Prepared:
    """Draws a model and rows.

    Raises:
        NothingFitsError: nothing that was drawn could be fitted.
        PgscoreError: it cannot be described.
    """
    drawn = draw_model(key_of(index), seed, index)
    kind = "lightgbm" if type(drawn.estimator).__name__ == "LightGBMFile" else "joblib"
    contract, golden = describe(drawn.estimator, drawn.sample, drawn.positive, kind)
    reading, obstacle = compile_program(drawn.estimator, contract, golden)
    contract = completed(contract, reading)
    version = Version(
        drawn.estimator, contract, scaled(golden, contract, reading), None if reading is None else reading.program
    )
    return Prepared(drawn, version, reading, obstacle, draw_rows(drawn, version.program, seed, index, 1))


def judged(session: Session, key: Path, prepared: Prepared, outcome: Outcome, available: Sequence[str]) -> None:
    """Asks all engines about a prepared case, and compares.

    Args:
        session: a superuser's, in a database with pgscore.
        key: a private key that it trusts.
        prepared: the case.
        outcome: takes what came of it.
        available: libraries of estimators that the server has.
    """
    started = time.monotonic()
    drawn, version = prepared.drawn, prepared.version
    outcome.made, outcome.obstacle, outcome.rows = drawn.made, prepared.obstacle, len(prepared.rows)
    outcome.single = version.contract.tolerance is not None
    expected = expect(drawn.estimator, version.contract, prepared.reading, prepared.rows)
    libraries = {"lightgbm" if "boosters" in each else each.partition(".")[0] for each in drawn.made}
    estimates = libraries <= set(available)
    # Each row that an estimator refuses costs it a search.
    asked = [n for n, each in enumerate(expected) if each.asked] if estimates else None
    found = answers(session, key, version, prepared.rows, asked)
    verdict = judge(version.contract, prepared.rows, expected, found)
    outcome.engines = sorted({each.engine for each in found})
    outcome.problems = [what for what, _ in verdict.problems]
    outcome.worst = verdict.problems[0][1] if verdict.problems else None
    outcome.compared, outcome.undecided = verdict.compared, verdict.undecided
    outcome.largest, outcome.difference = verdict.largest, verdict.difference
    outcome.seconds = time.monotonic() - started
