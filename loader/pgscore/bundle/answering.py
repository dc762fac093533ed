"""Answering a request over HTTP with a bundle, whatever has received it: what functions of a cloud are made of.

{"row": {…}}                    {"model": "churn", "version": 3, "score": 0.31}
{"row": {…}, "events": [{…}]}   {"model": "churn", "version": 3, "score": 0.57, "profile": {…}}
{"rows": [{…}, {…}]}            {"model": "churn", "version": 3, "scores": [0.31, null]}

Beside `events` may stand `binding` and `columns`, as `Bundle.reduce` takes them.
"""

from __future__ import annotations

import json
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .evaluate import Bundle

_FORMS = 'Send {"row": {…}}, {"row": {…}, "events": […]} or {"rows": [{…}, …]}.'
_TITLES = {400: "Bad Request", 405: "Method Not Allowed", 422: "Unprocessable Content"}


class Answer(NamedTuple):
    """What to send back.

    Attributes:
        status: 200; 400 where the body is no JSON of one of these forms, 405 where the method is not POST, 422 where
            the model does not take a row, or the binding an event.
        body: JSON; of an error problem details, as RFC 9457 says.
        headers: its type, and what is allowed where the method was another.
    """

    status: int
    body: str
    headers: dict[str, str]


def answer(bundle: Bundle, method: str, body: bytes | str) -> Answer:
    """Answers a request; it raises nothing for whatever was sent."""
    if method.upper() != "POST":
        return _problem(405, f"{method} is not answered here", "Send POST.", {"allow": "POST"})
    try:
        request = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _problem(400, "the body is no JSON", _FORMS)
    if not isinstance(request, dict) or not _is_a_form(set(request)):
        return _problem(400, "the body is none of the forms that are answered", _FORMS)
    try:
        said = _scored(bundle, request)
    except PgscoreError as error:
        return _problem(422, str(error), error.hint)
    return _json(200, "application/json", {"model": bundle.model, "version": bundle.version, **said})


def _is_a_form(names: set[str]) -> bool:
    return names in ({"row"}, {"rows"}) or {"row", "events"} <= names <= {"row", "events", "binding", "columns"}


def _scored(bundle: Bundle, request: dict[str, Any]) -> dict[str, Any]:
    if "rows" in request:
        rows = _list(request["rows"], "rows")
        return {"scores": [_at(f"rows[{n}]", bundle.score, _object(row, f"rows[{n}]")) for n, row in enumerate(rows)]}
    row = _object(request["row"], "row")
    if "events" not in request:
        return {"score": bundle.score(row)}
    events = [_object(event, f"events[{n}]") for n, event in enumerate(_list(request["events"], "events"))]
    binding, columns = request.get("binding"), request.get("columns")
    if not isinstance(binding, str | None):
        raise PgscoreError("binding is no text", f"The bundle holds {', '.join(bundle.bindings)}.")
    if columns is not None and not all(isinstance(each, str) for each in _list(columns, "columns")):
        raise PgscoreError("columns holds something else than texts", "Name columns that the binding moves.")
    profile = bundle.reduce(row, events, binding=binding, columns=columns)
    return {"score": bundle.score(profile), "profile": profile}


def _at(place: str, score: Callable[[Any], float | None], row: dict[str, Any]) -> float | None:
    try:
        return score(row)
    except PgscoreError as error:
        raise PgscoreError(f"{place}: {error}", error.hint) from None


def _list(found: Any, place: str) -> list[Any]:  # noqa: ANN401
    if not isinstance(found, list):
        raise PgscoreError(f"{place} is no array", _FORMS)
    return found


def _object(found: Any, place: str) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(found, dict):
        raise PgscoreError(f"{place} is no object", _FORMS)
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _problem(status: int, detail: str, hint: str, headers: dict[str, str] | None = None) -> Answer:
    said = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
    return _json(status, "application/problem+json", {**said, "hint": hint} if hint else said, headers)


def _json(status: int, kind: str, said: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(_jsonable(said), allow_nan=False), {"content-type": kind, **(headers or {})})


def _jsonable(value: Any) -> Any:  # noqa: ANN401
    """A value as a bundle reads it again: times, and numbers that JSON lacks, are texts."""
    if isinstance(value, dict):
        return {name: _jsonable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_jsonable(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    if isinstance(value, Decimal):
        return _number(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _number(value: Decimal) -> float | str:
    """A decimal as a number where a double's shortest digits say all of it, else as its digits."""
    if not value.is_finite():
        return "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"
    double = float(value)
    return double if isfinite(double) and Decimal(repr(double)) == value else f"{value:f}"
