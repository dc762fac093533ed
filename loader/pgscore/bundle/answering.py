"""Answering a request over HTTP with a bundle, whatever has received it: what functions of a cloud are made of.

Requests and answers are those of `POST /models/{model}/score` of the web service, and so are the problems:

    {"row": {…}}                          {"model": "churn", "version": 3, "score": 0.31}
    {"row": {…}, "events": [{…}]}         the same, of what the events make of the row
    {"rows": [{…}, {…}]}                  {"model": "churn", "version": 3, "rows": [{"score": 0.31}, {"score": 0.2}]}
"""

from __future__ import annotations

import json
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pgscore.errors import PgscoreError

from .payload import arrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .evaluate import Bundle

    Row = dict[str, Any]

_TITLES = {400: "Bad Request", 405: "Method Not Allowed", 409: "Conflict", 422: "Unprocessable Entity"}
_FIELDS = ("row", "rows", "events", "binding")
_MOST_ROWS, _MOST_EVENTS, _MOST_ERRORS = 1000, 10_000, 20
# Past so many digits no double holds a number, and reading it takes long.
_DIGITS = 400


class Answer(NamedTuple):
    """What to send back.

    Attributes:
        status: 200; 400 where the body is no JSON, 405 where the method is not POST, 409 where events cannot be
            reduced, 422 where the body is another one or the model does not take a row.
        body: JSON; of an error problem details, as RFC 9457 says.
        headers: its type, and what is allowed where the method was another.
    """

    status: int
    body: str
    headers: dict[str, str]


class _Problem(Exception):  # noqa: N818  the RFC's word
    def __init__(self, status: int, kind: str, detail: str, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail)
        self.status, self.kind, self.errors = status, kind, errors


def answer(bundle: Bundle, method: str, body: bytes | str) -> Answer:
    """Answers a request; it raises nothing for whatever was sent."""
    try:
        if method.upper() != "POST":
            raise _Problem(405, "", f"{method} is not answered here: send POST")
        said = _answered(bundle, _parsed(body))
    except _Problem as problem:
        return _refused(problem)
    said = {"model": bundle.model, "version": bundle.version, **said}
    return Answer(200, json.dumps(_finite(said), allow_nan=False), {"content-type": "application/json"})


def _answered(bundle: Bundle, document: Row) -> Row:
    for name in document.keys() - set(_FIELDS):
        _wrong(f"/{_pointer(name)}", "there is no such member: a body has row or rows, events and binding")
    if ("row" in document) == ("rows" in document):
        _wrong("", "a body has either row or rows")
    single = "row" in document
    rows = [document["row"]] if single else document["rows"]
    if type(rows) is not list or not 0 < len(rows) <= _MOST_ROWS:
        _wrong("/rows", f"it is to be an array of 1 to {_MOST_ROWS:,} objects")
    places = ["/row"] if single else [f"/rows/{n}" for n in range(len(rows))]
    for row, place in zip(rows, places, strict=True):
        if type(row) is not dict:
            _wrong(place, "it is to be an object of the inputs by their names")
    if "events" in document:
        rows = _reduced(bundle, rows, document, single=single)
    elif "binding" in document:
        _wrong("/binding", "it goes with events")
    scored = [_scored(bundle, row, place) for row, place in zip(rows, places, strict=True)]
    return scored[0] if single else {"rows": scored}


def _reduced(bundle: Bundle, rows: list[Row], document: Row, *, single: bool) -> list[Row]:
    events = [document["events"]] if single else document["events"]
    if type(events) is not list or len(events) != len(rows):
        _wrong("/events", "it is to be an array, for rows of one array for each of them")
    if any(type(each) is not list or any(type(event) is not dict for event in each) for each in events):
        _wrong("/events", "it is to be an array of objects, which are events")
    if sum(map(len, events)) > _MOST_EVENTS:
        _wrong("/events", f"it is to have at most {_MOST_EVENTS:,} events")
    name = document.get("binding")
    if name is not None and type(name) is not str:
        _wrong("/binding", "it is to be a binding's name")
    reduced = []
    for n, (row, of_row) in enumerate(zip(rows, events, strict=True)):
        try:
            reduced.append(bundle.reduce(row, of_row, binding=name, columns=_moved(bundle, name)))
        except PgscoreError as error:
            # Whether events can be reduced is a matter of the profile, too.
            errors = [{"pointer": "/events" if single else f"/events/{n}", "detail": str(error)}]
            raise _Problem(409, "not-reduced", f"{error} {error.hint}".strip(), errors) from None
    return reduced


def _moved(bundle: Bundle, name: str | None) -> list[str] | None:
    """The columns that the model reads: what cannot be known of others does not stand in the way."""
    for each in bundle.opened.bindings:
        if name in (None, each["name"]):
            return [one["column"] for one in each["reducers"] if one["column"] in bundle.inputs]
    return None


def _scored(bundle: Bundle, row: Row, place: str) -> Row:
    try:
        score = bundle.score(row)
    except (PgscoreError, RecursionError) as error:
        raise _wrong_row(bundle, row, place, error) from None
    return {"score": score} if score is not None else {"score": None, "reason": bundle.reason(row)}


def _wrong_row(bundle: Bundle, row: Row, place: str, error: Exception) -> _Problem:
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
        return _Problem(422, "refused", str(error))
    return _Problem(422, "wrong-row", errors[0]["detail"], errors[:_MOST_ERRORS])


def _parsed(body: bytes | str) -> Row:
    try:
        text = body.decode() if isinstance(body, bytes) else body
        document = _DECODER.decode(text)
        if "\\ud" in text or "\\uD" in text:
            # Half a pair of surrogates is no character.
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        _malformed("it is nested too deeply")
    except UnicodeError:
        _malformed("it is not text in UTF-8")
    except ValueError as error:
        _malformed(str(error))
    if type(document) is not dict:
        detail = "it is no object"
        raise _Problem(422, "wrong-body", "the body is to be a JSON object", [{"pointer": "", "detail": detail}])
    return document


def _refused(problem: _Problem) -> Answer:
    said: Row = {
        "type": f"https://pgscore.invalid/problems/{problem.kind}" if problem.kind else "about:blank",
        "title": _TITLES[problem.status],
        "status": problem.status,
        "detail": str(problem),
    }
    if problem.errors:
        said["errors"] = problem.errors
    headers = {"content-type": "application/problem+json", **({"allow": "POST"} if problem.status == 405 else {})}  # noqa: PLR2004
    return Answer(problem.status, json.dumps(said), headers)


def _malformed(why: str) -> NoReturn:
    raise _Problem(400, "malformed", f"the body is not JSON: {why}") from None


def _wrong(pointer: str, detail: str) -> NoReturn:
    place = pointer or "the body"
    raise _Problem(422, "wrong-body", f"{place}: {detail}", [{"pointer": pointer, "detail": detail}]) from None


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _finite(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON; write it as a text")


def _integer(digits: str) -> int | float:
    if len(digits) > _DIGITS:
        return -inf if digits[0] == "-" else inf
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer)
