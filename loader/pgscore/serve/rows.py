"""Rows that a caller hands in: what of the body they are, scored from the program, or, where there is none, in SQL."""

from __future__ import annotations

import asyncio
import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore.bundle.payload import arrays
from pgscore.errors import PgscoreError

from .answers import encoded
from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.bundle import Bundle
    from pgscore.served import Served

    from .pool import Pool
    from .settings import Settings

    Row = dict[str, Any]
    Answers = list[dict[str, Any]]

# So long others wait while rows are scored, in seconds.
_TURN = 0.002
_FIELDS = frozenset(("row", "rows", "events", "binding"))


class Given(NamedTuple):
    """What a body says.

    Attributes:
        rows: the rows.
        places: of each row where it stands in the body.
        single: whether there is one, and one answer.
    """

    rows: list[Row]
    places: list[str]
    single: bool


def given_rows(document: Row, settings: Settings, served: Served) -> Given:
    """The rows of a body, after the events that have come since.

    Raises:
        Problem: they are none, or too many, or the events cannot be reduced.
    """
    if len(document) == 1 and type(row := document.get("row")) is dict:
        return Given([row], ["/row"], single=True)
    for name in document.keys() - _FIELDS:
        raise _wrong(f"/{_pointer(name)}", "there is no such member: a body has row or rows, events and binding")
    if ("row" in document) == ("rows" in document):
        raise _wrong("", "a body has either row or rows")
    single = "row" in document
    rows = [document["row"]] if single else document["rows"]
    if type(rows) is not list or len(rows) > settings.max_rows or not rows:
        raise _wrong("/rows", f"it is to be an array of 1 to {settings.max_rows:,} objects")
    places = ["/row"] if single else [f"/rows/{n}" for n in range(len(rows))]
    for row, place in zip(rows, places, strict=True):
        if type(row) is not dict:
            raise _wrong(place, "it is to be an object of the inputs by their names")
    if "events" in document:
        rows = _reduced(rows, document, settings, served)
    elif "binding" in document:
        raise _wrong("/binding", "it goes with events")
    return Given(rows, places, single)


def _reduced(rows: list[Row], document: Row, settings: Settings, served: Served) -> list[Row]:
    single = "row" in document
    events = [document["events"]] if single else document["events"]
    if type(events) is not list or len(events) != len(rows):
        raise _wrong("/events", "it is to be an array, for rows of one array for each of them")
    if any(type(each) is not list or any(type(event) is not dict for event in each) for each in events):
        raise _wrong("/events", "it is to be an array of objects, which are events")
    if sum(map(len, events)) > settings.max_events:
        raise _wrong("/events", f"it is to have at most {settings.max_events:,} events")
    name = document.get("binding")
    if name is not None and type(name) is not str:
        raise _wrong("/binding", "it is to be a binding's name")
    if served.bundle is None:
        raise Problem(HTTPStatus.CONFLICT, "no-program", f"{served.problem}, so events cannot be reduced here")
    reduced = []
    for n, (row, of_row) in enumerate(zip(rows, events, strict=True)):
        try:
            reduced.append(served.bundle.reduce(row, of_row, binding=name, columns=_moved(served, name)))
        except PgscoreError as error:
            # Whether events can be reduced is a matter of the profile, too.
            raise Problem(
                HTTPStatus.CONFLICT,
                "not-reduced",
                f"{error} {error.hint}".strip(),
                errors=[{"pointer": "/events" if single else f"/events/{n}", "detail": str(error)}],
            ) from None
    return reduced


def _moved(served: Served, name: str | None) -> list[str] | None:
    """The columns that the model reads: what cannot be known of others does not stand in the way."""
    for each in served.bindings:
        if name in (None, each["name"]) and served.contract is not None:
            read = {one["name"] for one in served.contract["inputs"]}
            return [one["column"] for one in each["reducers"] if one["column"] in read]
    return None


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


def wrong_row(bundle: Bundle, row: Row, place: str, error: Exception) -> Problem:
    """Where a row is wrong: each input that is."""
    errors = []
    for each in bundle.opened.program.inputs:
        try:
            arrays((each,), row)
        except PgscoreError as problem:
            errors.append({"pointer": f"{place}/{_pointer(each.name)}", "detail": str(problem)})
        except RecursionError:
            errors.append({"pointer": f"{place}/{_pointer(each.name)}", "detail": "it is nested too deeply"})
    if not errors:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "refused", str(error))
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-row", errors[0]["detail"], errors=errors[:20])


def scored(bundle: Bundle, row: Row) -> dict[str, Any]:
    """A row's score; where there is none, why, as far as that is known."""
    score = bundle.score(row)
    return {"score": score} if score is not None else {"score": None, "reason": bundle.reason(row)}


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


def _wrong(pointer: str, detail: str) -> Problem:
    place = pointer or "the body"
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "wrong-body",
        f"{place}: {detail}",
        errors=[{"pointer": pointer, "detail": detail}],
    )


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
