"""Answering a request over HTTP with a bundle, whatever has received it: what functions of a cloud are made of.

Requests and answers are those of `POST /models/{model}/score` of the web service, and so are the problems:

    {"row": {…}}                          {"model": "churn", "version": 3, "score": 0.31}
    {"row": {…}, "events": [{…}]}         the same, of what the events make of the row
    {"rows": [{…}, {…}]}                  {"model": "churn", "version": 3, "rows": [{"score": 0.31}, {"score": 0.2}]}
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore.errors import PgscoreError

from .problems import CONTENT_TYPE, Problem
from .requests import encoded, given_rows, parsed, reduced, scored, wrong_row

if TYPE_CHECKING:
    from .evaluate import Bundle


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


def answer(bundle: Bundle, method: str, body: bytes | str) -> Answer:
    """Answers a request; it raises nothing for whatever was sent."""
    try:
        if method.upper() != "POST":
            detail = f"{method} is not answered here: send POST"
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "", detail, headers=[(b"allow", b"POST")])
        said = _answered(bundle, body)
    except Problem as problem:
        headers = {name.decode(): value.decode() for name, value in problem.headers}
        return Answer(int(problem.status), problem.body(), {"content-type": CONTENT_TYPE, **headers})
    return Answer(200, encoded(said), {"content-type": "application/json"})


def _answered(bundle: Bundle, body: bytes | str) -> dict[str, Any]:
    found = reduced(bundle, given_rows(parsed(body)))
    said: list[dict[str, Any]] = []
    for row, place in zip(found.rows, found.places, strict=True):
        try:
            said.append(scored(bundle, row))
        except (PgscoreError, RecursionError) as error:
            raise wrong_row(bundle, row, place, error) from None
    head = {"model": bundle.model, "version": bundle.version}
    return {**head, **said[0]} if found.single else {**head, "rows": said}
