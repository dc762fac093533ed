"""An Azure Function that scores with the bundle beside it: POST /api/score, with a key of the function."""

import os

import azure.functions as func
from pgscore.bundle import load
from pgscore.bundle.answering import answer

_HERE = os.path.dirname(__file__)
# The name of a public key beside it, which must then have signed the bundle.
_KEY = os.environ.get("PGSCORE_PUBLIC_KEY")
_BUNDLE = load(os.path.join(_HERE, "churn.json"), key=os.path.join(_HERE, _KEY) if _KEY else None)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.route(route="score")
def score(req: func.HttpRequest) -> func.HttpResponse:
    """Answers a request."""
    status, text, headers = answer(_BUNDLE, req.method, req.get_body())
    return func.HttpResponse(text, status_code=status, headers=headers, mimetype=headers["content-type"])
