"""A Cloud Run function of Google's that scores with the bundle beside it."""

import os

import flask
import functions_framework
from pgscore.bundle import load
from pgscore.bundle.answering import answer

_HERE = os.path.dirname(__file__)
# The name of a public key beside it, which must then have signed the bundle.
_KEY = os.environ.get("PGSCORE_PUBLIC_KEY")
_BUNDLE = load(os.path.join(_HERE, "churn.json"), key=os.path.join(_HERE, _KEY) if _KEY else None)


@functions_framework.http
def score(request: flask.Request) -> tuple[str, int, dict[str, str]]:
    """Answers a request."""
    status, text, headers = answer(_BUNDLE, request.method, request.get_data())
    return text, status, headers
