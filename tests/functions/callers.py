"""Each platform's function as the platform calls it: from the folder that is deployed, with its own kind of request."""

from __future__ import annotations

import importlib.util
import json
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import azure.functions
import functions_framework
from azure.functions.http import HttpRequestConverter, HttpResponseConverter
from azure.functions.meta import Datum

from tests.bundle.samples import SAMPLES
from tests.support.migrate import ROOT

from .events import function_url, http_api, load_balancer, rest_api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from flask import Flask

HANDLERS = {"aws": "handler", "azure": "function_app", "google": "main"}


class Response(NamedTuple):
    """What the caller gets."""

    status: int
    kind: str
    said: Any
    headers: dict[str, str]


def deployed(platform: str, folder: Path) -> Path:
    """A platform's folder as its README has it deployed, but for the packages."""
    place = folder / platform
    shutil.copytree(ROOT / "examples/functions" / platform, place)
    shutil.copy(SAMPLES["churn"], place / "churn.json")
    return place


def loaded(platform: str, place: Path) -> ModuleType:
    """Its module, imported anew."""
    name = HANDLERS[platform]
    spec = importlib.util.spec_from_file_location(name, place / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def http_api_caller(place: Path) -> Callable[[str, bytes], Response]:
    """A Lambda behind API Gateway."""
    handler = loaded("aws", place).handler
    return lambda method, body: _lambda(handler(http_api(method, body.decode() or None), None))


def function_url_caller(place: Path) -> Callable[[str, bytes], Response]:
    """A Lambda behind a function URL."""
    handler = loaded("aws", place).handler
    return lambda method, body: _lambda(handler(function_url(method, body or None), None))


def rest_api_caller(place: Path) -> Callable[[str, bytes], Response]:
    """A Lambda behind a REST API of API Gateway."""
    handler = loaded("aws", place).handler
    return lambda method, body: _lambda(handler(rest_api(method, body.decode() or None), None))


def load_balancer_caller(place: Path) -> Callable[[str, bytes], Response]:
    """A Lambda that is a target of a load balancer."""
    handler = loaded("aws", place).handler
    return lambda method, body: _lambda(handler(load_balancer(method, body), None))


def azure_caller(place: Path) -> Callable[[str, bytes], Response]:
    """An Azure Function, found in its app and called through the library's converters, as their worker does it."""
    (found,) = loaded("azure", place).app.get_functions()
    described = json.loads(found.get_function_json())
    trigger, output = described["bindings"]
    assert (trigger["type"], trigger["route"], trigger["authLevel"]) == ("httpTrigger", "score", "FUNCTION")
    assert (output["type"], output["name"]) == ("http", "$return")
    assert described["scriptFile"] == "function_app.py"

    def call(method: str, body: bytes) -> Response:
        url = Datum("https://shop.azurewebsites.net/api/score", "string")
        parts = {"method": Datum(method, "string"), "url": url, "headers": {}, "query": {}, "params": {}}
        request = HttpRequestConverter.decode(
            Datum({**parts, "body": Datum(body, "bytes")}, "http"), trigger_metadata={}
        )
        answered = found.get_user_function()(**{trigger["name"]: request})
        sent = HttpResponseConverter.encode(answered, expected_type=azure.functions.HttpResponse).value
        headers = {name: each.value for name, each in sent["headers"].items()}
        return _response(int(sent["status_code"].value), headers, sent["body"].value)

    return call


def google_caller(place: Path) -> Callable[[str, bytes], Response]:
    """A function of Google's, in its framework."""
    application: Flask = functions_framework.create_app("score", str(place / "main.py"))  # type: ignore[no-untyped-call]
    client = application.test_client()

    def call(method: str, body: bytes) -> Response:
        answered = client.open("/", method=method, data=body, content_type="application/json")
        return _response(answered.status_code, dict(answered.headers), answered.data)

    return call


CALLERS = {
    "http-api": ("aws", http_api_caller),
    "function-url": ("aws", function_url_caller),
    "rest-api": ("aws", rest_api_caller),
    "load-balancer": ("aws", load_balancer_caller),
    "azure": ("azure", azure_caller),
    "google": ("google", google_caller),
}


def _lambda(answered: dict[str, Any]) -> Response:
    # As the platform reads it.
    sent = json.loads(json.dumps(answered))
    assert sent.keys() == {"statusCode", "headers", "body"}
    return _response(sent["statusCode"], sent["headers"], sent["body"])


def _response(status: int, headers: dict[str, str], body: str | bytes) -> Response:
    lower = {name.lower(): value for name, value in headers.items()}
    return Response(status, lower["content-type"], json.loads(body), lower)
