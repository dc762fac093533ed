"""Complaints of one customer, one transaction each, and whether the scores are what they should be."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from .application import complain, complain_and_think_better_of_it
from .customers import COUNTER

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812
    from rich.console import Console

    from .model import FittedModel
    from .owner import Owner, Standing

TOLERANCE = 1e-12
_LOYAL = 0.1
_COMPLAINTS = (
    ("coverage", "No signal at home."),
    ("billing", "I was charged twice."),
    ("coverage", "Still no signal."),
    ("billing", "And charged twice again."),
    ("hotline", "I waited for forty minutes."),
    ("hotline", "Nobody called back."),
)


class MismatchError(Exception):
    """What happened is not what was promised."""


@dataclass(frozen=True)
class Step:
    """A complaint.

    Attributes:
        before: the customer's score before it.
        after: what stood after its commit.
        seconds: how long the application waited for INSERT and COMMIT.
    """

    before: float
    after: Standing
    seconds: float


def choose_customer(fitted: FittedModel) -> int:
    """The first held-out customer who has not complained and whom the model thinks loyal."""
    quiet = fitted.held_out[fitted.held_out[COUNTER] == 0]
    return int(quiet.index[fitted.scores(quiet) < _LOYAL][0])


def file_complaints(application: Connection, owner: Owner, fitted: FittedModel, customer: int) -> list[Step]:
    """Has the application insert the complaints, one transaction each, and checks each result.

    Raises:
        MismatchError: counter or score are not what they should be.
    """
    # The profile was loaded, not scored: ask by query what the model says of it.
    score = owner.ask(customer)
    _check_score("the score asked by query", score, _in_python(owner, fitted, customer))
    counter = owner.standing(customer).counter
    steps: list[Step] = []
    for kind, body in _COMPLAINTS:
        start = time.perf_counter()
        complain(application, customer, kind, body)
        seconds = time.perf_counter() - start
        counter += 1
        after = _check_standing(owner, fitted, customer, counter)
        steps.append(Step(score, after, seconds))
        score = after.score
    stored = [step.after.score for step in steps]
    if owner.logged(customer) != stored:
        raise MismatchError(f"the prediction log of customer {customer} is not the scores that were stored")
    return steps


def compare_rollback(application: Connection, owner: Owner, fitted: FittedModel, customer: int) -> None:
    """Has the application roll a complaint back.

    Raises:
        MismatchError: something of it stayed.
    """
    before, logged = owner.standing(customer), owner.logged(customer)
    complain_and_think_better_of_it(application, customer)
    if (owner.standing(customer), owner.logged(customer)) != (before, logged):
        raise MismatchError(f"a complaint that was rolled back left {owner.standing(customer)} where {before} stood")
    _check_standing(owner, fitted, customer, before.counter)


def print_steps(out: Console, steps: list[Step]) -> None:
    """A table of the complaints, and how long they took."""
    table = Table("complaint", "counter", "score before", "score after", box=None, padding=(0, 2))
    for column in table.columns:
        column.justify = "right"
    for number, step in enumerate(steps, 1):
        table.add_row(str(number), str(step.after.counter), f"{step.before:.4f}", f"{step.after.score:.4f}")
    out.print()
    out.print(table)


def first_complaint(application: Connection, customer: int) -> float:
    """Has a new connection insert its first complaint; how many seconds the application waited for it."""
    start = time.perf_counter()
    complain(application, customer, "billing", "The first of this connection.")
    return time.perf_counter() - start


def print_times(out: Console, steps: list[Step], unpickled: float) -> None:
    """How long applications waited: with the model as a program, and with the pickled model for comparison."""
    first, *others = [step.seconds for step in steps]
    table = Table("INSERT and COMMIT of a complaint", "milliseconds", box=None, padding=(0, 2))
    table.columns[1].justify = "right"
    table.add_row("the first of a new connection: the model is a program", f"{first * 1000:.1f}")
    table.add_row("the next ones (median)", f"{statistics.median(others) * 1000:.1f}")
    table.add_row("the first of a new connection, if the model is unpickled", f"{unpickled * 1000:.1f}")
    out.print()
    out.print(table)
    out.print()


def _check_standing(owner: Owner, fitted: FittedModel, customer: int, counter: int) -> Standing:
    standing = owner.standing(customer)
    if standing.counter != counter:
        raise MismatchError(f"the counter of customer {customer} is {standing.counter}, and should be {counter}")
    _check_score("the committed score", standing.score, _in_python(owner, fitted, customer))
    return standing


def _in_python(owner: Owner, fitted: FittedModel, customer: int) -> float:
    return float(fitted.scores(owner.predictors(customer, list(fitted.held_out.columns)))[0])


def _check_score(which: str, found: float, expected: float) -> None:
    if not abs(found - expected) <= TOLERANCE:
        raise MismatchError(f"{which} is {found!r}, and predict_proba gives {expected!r} in Python")
