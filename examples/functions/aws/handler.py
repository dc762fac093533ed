"""An AWS Lambda that scores with the bundle beside it, behind API Gateway, a load balancer or a function URL."""

import base64
import os
from typing import Any

from pgscore.bundle import load
from pgscore.bundle.answering import answer

_HERE = os.path.dirname(__file__)
# The name of a public key beside it, which must then have signed the bundle.
_KEY = os.environ.get("PGSCORE_PUBLIC_KEY")
_BUNDLE = load(os.path.join(_HERE, "churn.json"), key=os.path.join(_HERE, _KEY) if _KEY else None)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers an event of payload format 2.0, or of 1.0 and a load balancer's, which say the method elsewhere."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    method = event["httpMethod"] if "httpMethod" in event else event["requestContext"]["http"]["method"]
    status, text, headers = answer(_BUNDLE, method, body)
    return {"statusCode": status, "headers": headers, "body": text}
