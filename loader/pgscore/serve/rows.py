"""Rows that a caller hands in: scored from the program, or, where there is none, in SQL."""

from __future__ import annotations

import asyncio
import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pgscore.bundle.requests import Given, reduced, scored, wrong_row
from pgscore.errors import PgscoreError

from .answers import encoded
from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.bundle import Bundle
    from pgscore.served import Served

    from .pool import Pool

    Row = dict[str, Any]
    Answers = list[dict[str, Any]]

# So long others wait while rows are scored, in seconds.
_TURN = 0.002


def after_events(given: Given, served: Served) -> Given:
    """The rows of a body after the events that have come since.

    Raises:
        Problem: the events cannot be reduced.
    """
    if given.events is None:
        return given
    if served.bundle is None:
        raise Problem(HTTPStatus.CONFLICT, "no-program", f"{served.problem}, so events cannot be reduced here")
    return reduced(served.bundle, given)


async def answered(
    given: Given, bundle: Bundle, one: Callable[[Bundle, Row], dict[str, Any]], seconds: float
) -> Answers:
    """What a bundle says of rows; of many in turns, between which others are answered.

    Raises:
        Problem: a row has not all inputs, or one of another type; or they take longer than these seconds.
    """
    found = []
    start = time.monotonic()
    until = start + _TURN
    for row, place in zip(given.rows, given.places, strict=True):
        try:
            found.append(one(bundle, row))
        except (PgscoreError, RecursionError) as error:
            raise wrong_row(bundle, row, place, error) from None
        if not given.single and time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + _TURN
            if until - start > seconds:
                raise Problem(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "too-long",
                    f"{len(found):,} of {len(given.rows):,} rows took {seconds:g} s: ask for fewer at once",
                    headers=[(b"retry-after", b"5")],
                )
    return found


def predicted(bundle: Bundle, row: Row) -> dict[str, Any]:
    """A row's score, label and probabilities; where there are none, why."""
    said = bundle.predict(row)
    if said is None:
        return {"score": None, "reason": bundle.reason(row)}
    del said["version"]
    return {"score": bundle.score(row), **said}


def explained(bundle: Bundle, row: Row) -> dict[str, Any]:
    """What each input adds to a row's score, the strongest first."""
    found = bundle.explain(row)
    return {
        **scored(bundle, row),
        "base": found[0].contribution if found else None,
        "contributions": [each._asdict() for each in found[1:]],
    }


_SQL = {
    "score": "select ordinal, pgscore.predict(%(model)s, r), null::jsonb from {rows}",
    "predict": "select ordinal, pgscore.predict(%(model)s, r), null::jsonb from {rows}",
    "explain": """
        select ordinal, pgscore.predict(%(model)s, r),
            (
                select jsonb_agg(
                    jsonb_build_object('input', e.input, 'value', e.value, 'contribution', e.contribution) order by e.n
                )
                from pgscore.explain(%(model)s, r) with ordinality as e (input, value, contribution, n)
            )
        from {rows}
    """,
}


async def asked(pool: Pool, verb: str, served: Served, rows: list[Row]) -> tuple[int | None, Answers]:
    """What the database says of rows, of a version that is no program: the version that answered, and what it said.

    Raises:
        Problem: the database is away, or refuses a row.
    """
    query = _SQL[verb].format(
        rows="jsonb_array_elements(%(rows)s::jsonb) with ordinality as g (r, ordinal) order by ordinal"
    )
    found = await pool.rows(query, {"model": served.model, "rows": encoded(rows).decode()})
    output = (served.contract or {})["output"]
    version = next((said["version"] for _, said, _ in found if said is not None), served.version)
    answers = []
    for _, said, contributions in found:
        if said is None:
            answers.append({"score": None, "reason": None})
            continue
        answer = {"score": score_of(said, output), **{name: each for name, each in said.items() if name != "version"}}
        if verb == "score":
            answer = {"score": answer["score"]}
        elif verb == "explain":
            answer = {
                "score": answer["score"],
                "base": contributions[0]["contribution"] if contributions else None,
                "contributions": (contributions or [])[1:],
            }
        answers.append(answer)
    return version, answers


def score_of(said: dict[str, Any], output: dict[str, Any]) -> float | None:
    """The score in what `pgscore.predict` says."""
    if "value" in said:
        return float(said["value"])
    positive = output["classes"][output["positive"]]
    if "probabilities" in said:
        # Texts, as JSON writes the classes.
        name = positive if isinstance(positive, str) else json.dumps(positive)
        return None if name not in said["probabilities"] else float(said["probabilities"][name])
    return float(said["label"] == positive)
