"""docs/coverage.md: what a run has shown, estimator by estimator."""

from __future__ import annotations

import platform
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from pgscore.readers import dispatch

from .models import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .case import Outcome

_PACKAGES = (
    "scikit-learn", "numpy", "scipy", "pandas", "xgboost-cpu", "lightgbm", "catboost", "imbalanced-learn", "treelite",
)  # fmt: skip
_ENGINES = ("sql", "interpreter", "vector", "estimator")
_HEAD = """# Coverage

Which estimators become programs, and how exactly each engine gives what they give. `make parity` writes this page: it
draws models at random of all that has a reader (`tests/drawn/`), fits them on random tables with ties, gaps, texts of
any Unicode, numbers that float32 cannot tell apart, huge and tiny ones, and scores rows that no model has seen: at each
border of a program and beside it, infinite, -0.0, past 2^53, unknown, missing. Each engine is compared with the fitted
estimator itself: what it refuses has no score, what it answers is to be the same. A difference fails the run.

"""
_TABLE = """| class | cases | programs | engines | difference | of allowed |
| --- | --- | --- | --- | --- | --- |
"""
_FOOT = """
*cases*: fitted models of which the class is a part; a case has {rows:.0f} rows on average. *programs*: how many of
them became one. *engines*: `sql`, as `pgscore.score` gives it, as the careful function gives all outputs, and as bulk
scoring takes it; `interpreter` in PL/Python; `vector`, the evaluator of `pgscore.Scorer`; `estimator`, unpickled in
PL/Python. *difference*: the largest one, beside the number or 1. *of allowed*: the largest one as a part of what is
allowed: 1e-12 of the terms of a sum; the contract's tolerance where a library adds in float32; 0 where all bits are the
same.
"""


@dataclass
class Run:
    """What is to be reported.

    Attributes:
        seed: of the run.
        outcomes: of all cases.
        seconds: how long it took.
        server: the version of PostgreSQL.
    """

    seed: int
    outcomes: Sequence[Outcome]
    seconds: float
    server: str

    @property
    def problems(self) -> list[Outcome]:
        """Cases where something is wrong."""
        return [each for each in self.outcomes if each.problems]

    @property
    def never(self) -> list[str]:
        """Classes with a reader that became no program though they were drawn often enough."""
        cases = _by_class(self.outcomes)
        known = [*readable()[0], *readable()[1]]
        return [key for key in known if len(cases[key]) >= 20 and not any(each.obstacle is None for each in cases[key])]


def _by_class(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        for key in outcome.made:
            found[key].append(outcome)
    return found


def page(run: Run) -> str:
    """The page."""
    done = [each for each in run.outcomes if each.refused is None]
    cases = _by_class(done)
    libraries = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    rows = sum(each.rows for each in done)
    text = _HEAD + (
        f"The last run: {datetime.now(UTC):%Y-%m-%d}, seed {run.seed}, {len(run.outcomes):,} cases in"
        f" {run.seconds / 60:.0f} minutes on two cores, {rows:,} rows, {sum(each.compared for each in done):,} numbers"
        f" compared, {sum(each.published for each in done):,} models published, verified and scored through"
        f" `pgscore.score`. Cases with a difference: {len(run.problems)}. PostgreSQL {run.server}, Python"
        f" {platform.python_version()}, {libraries}.\n"
    )
    for title, keys, table in (
        ("Predictors", readable()[0], dispatch.PREDICTORS), ("Transformers", readable()[1], dispatch.TRANSFORMERS)
    ):  # fmt: skip
        text += f"\n## {title}\n\n" + _TABLE
        text += "".join(_line(key, cases[key]) for key in sorted(keys))
        absent = sorted(key for key in set(table) - set(keys) if not key.startswith(("pgscore.", "pgscore_runtime.")))
        if absent:
            named = ", ".join(f"`{each}`" for each in absent)
            text += f"\nNot drawn, as these libraries have no such class: {named}.\n"
    text += _FOOT.format(rows=rows / max(1, len(done))) + _reasons(done) + _refusals(run.outcomes)
    return text


def _line(key: str, cases: Sequence[Outcome]) -> str:
    programs = [each for each in cases if each.obstacle is None]
    engines = {engine for each in cases for engine in each.engines}
    shown = ", ".join(engine for engine in _ENGINES if engine in engines)
    difference = max((each.difference for each in programs), default=0.0)
    largest = max((each.largest for each in programs), default=0.0)
    return f"| `{key}` | {len(cases)} | {len(programs)} | {shown} | {difference:.1g} | {largest:.1g} |\n"


def _reasons(cases: Sequence[Outcome]) -> str:
    found = Counter(_general(each.obstacle) for each in cases if each.obstacle is not None)
    lines = "".join(f"| {reason} | {count} |\n" for reason, count in found.most_common(40))
    head = "\n## No program\n\nThe `estimator` engine alone serves these.\n\n| reason | cases |\n| --- | --- |\n"
    return head + lines if lines else ""


def _refusals(cases: Sequence[Outcome]) -> str:
    found = Counter(_general(each.refused) for each in cases if each.refused is not None)
    lines = "".join(f"| {reason} | {count} |\n" for reason, count in found.most_common(20))
    return f"\n## Not published\n\n| reason | cases |\n| --- | --- |\n{lines}" if lines else ""


def _general(reason: str | None) -> str:
    """A reason without the names and numbers of one model."""
    text = re.sub(r"^(step|input) '.*?'", r"a \1", reason or "")
    text = re.sub(r"input '.*?'", "an input", text)
    return re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "…", text).replace("|", "\\|")[:200]
