"""What AWS hands to a Lambda: payload formats 2.0 and 1.0, and what a load balancer sends, with all of their fields."""

from __future__ import annotations

import base64
from typing import Any

_AGENT = "curl/8.5.0"


def http_api(method: str = "POST", body: str | None = None) -> dict[str, Any]:
    """An event of API Gateway's, after an authorizer."""
    found = _event(method, "POST /score", "/prod/score", "aaaaaaaaaa.execute-api.eu-central-1.amazonaws.com", "prod")
    found["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": "248289761001"}, "scopes": ["score"]}}
    return found | {"cookies": ["session=1"], **({} if body is None else {"body": body})}


def function_url(method: str = "POST", body: bytes | None = None) -> dict[str, Any]:
    """An event of a function URL, whose body comes as base64: so does one that is no text to API Gateway."""
    found = _event(method, "$default", "/", "bbbbbbbbbb.lambda-url.eu-central-1.on.aws", "$default")
    if body is not None:
        found |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return found


def rest_api(method: str = "POST", body: str | None = None) -> dict[str, Any]:
    """An event of a REST API of API Gateway's: payload format 1.0."""
    domain = "cccccccccc.execute-api.eu-central-1.amazonaws.com"
    headers = {"Accept": "*/*", "Content-Type": "application/json", "Host": domain, "User-Agent": _AGENT}
    return {
        "resource": "/score",
        "path": "/score",
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "123456",
            "resourcePath": "/score",
            "httpMethod": method,
            "extendedRequestId": "JJbxmHVfjoEFjrQ=",
            "requestTime": "26/Nov/2026:15:08:21 +0000",
            "path": "/prod/score",
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "prod",
            "domainPrefix": "cccccccccc",
            "requestTimeEpoch": 1795705701067,
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": _AGENT, "accountId": None},
            "domainName": domain,
            "apiId": "cccccccccc",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def load_balancer(method: str = "POST", body: bytes | None = None) -> dict[str, Any]:
    """An event of an Application Load Balancer's, which has a body always."""
    group = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/score/6d0ecf831eec9f09"
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": method,
        "path": "/score",
        "queryStringParameters": {},
        "headers": {"accept": "*/*", "content-type": "application/octet-stream", "user-agent": _AGENT},
        "body": base64.b64encode(body or b"").decode(),
        "isBase64Encoded": True,
    }


def _event(method: str, route: str, path: str, domain: str, stage: str) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-type": "application/json",
            "host": domain,
            "user-agent": _AGENT,
            "x-amzn-trace-id": "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": _AGENT,
            },
            "requestId": "LV7fzho-PHcEJPw=",
            "routeKey": route,
            "stage": stage,
            "time": "26/Nov/2026:15:08:21 +0000",
            "timeEpoch": 1795705701067,
        },
        "isBase64Encoded": False,
    }
