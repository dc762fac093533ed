"""The application: FastAPI's routes to the service, and what the framework itself refuses, as problems too."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from .answers import Answer, Call, encoded
from .openapi import document
from .problems import Problem, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from starlette.requests import Request

    from pgscore.served import Served

    from .answers import Receive, Scope, Send
    from .service import Service

    Handler = Callable[[Call], Awaitable[Answer]]

_VERBS = ("score", "predict", "explain")
# /models/churn/score
_PARTS = 4


class _Key(PathConvertor):
    """The rest of a path: Starlette's own stops at a line break, which a text may have."""

    regex = r"[\s\S]*"


register_url_convertor("pgscore_key", _Key())


class _Endpoint:
    """A route's end: reads no more of a request than its handler wants, and makes no models of pydantic."""

    def __init__(self, service: Service, handle: Handler) -> None:
        self._service, self._handle = service, handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._service.respond(scope, receive, send, self._handle)


class Application:
    """FastAPI's application, with a short way for rows, which are nearly all that a service is asked."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.framework = _framework(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["method"] == "POST":
            parts = scope["path"].split("/")
            if len(parts) == _PARTS and parts[1] == "models" and parts[3] in _VERBS:
                await self.service.respond(
                    scope, receive, send, lambda call: self.service.payload(call, parts[2], parts[3])
                )
                return
        await self.framework(scope, receive, send)


def _framework(service: Service) -> FastAPI:
    refused = _refused(service)
    app = FastAPI(
        title="pgscore",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(service),
        redirect_slashes=False,
        exception_handlers={HTTPException: refused, RequestValidationError: refused},
    )

    def add(path: str, method: str, handle: Handler) -> None:
        app.router.routes.append(Route(path, _Endpoint(service, handle), methods=[method]))

    add("/models/{model}/score/{key:pgscore_key}", "GET", lambda call: service.keyed(call, _model(call), _key(call)))
    add(
        "/models/{model}/profile/{key:pgscore_key}", "GET", lambda call: service.profile(call, _model(call), _key(call))
    )
    for verb in _VERBS:
        add(f"/models/{{model}}/{verb}", "POST", _payload(service, verb))
    add("/models/{model}", "GET", lambda call: service.model(call, _model(call)))
    add("/models", "GET", service.models)
    add("/healthz", "GET", service.healthy)
    add("/readyz", "GET", service.ready)
    add("/metrics", "GET", service.counted)
    add("/openapi.json", "GET", _openapi(service))
    return app


def _lifespan(service: Service) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What stands around all requests: a signal that has it read everything anew, and its end."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, service.reload))
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            await loop.run_in_executor(None, service.close)

    return lifespan


def _refused(service: Service) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """What answers where the framework itself refuses."""

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 422
        detail = str(error.detail) if isinstance(error, HTTPException) else "the request is malformed"
        headers = [
            (name.lower().encode(), value.encode()) for name, value in (getattr(error, "headers", None) or {}).items()
        ]
        answer = refusal(Problem(status, "", detail, headers=headers))
        call = Call(request.scope, request.receive)
        call.route = "unknown"
        service.metrics.count(call, status, 0.0)
        service.log.request(call, status, 0.0)
        made = Response(answer.body, status, media_type=answer.content_type.decode())
        for name, value in answer.headers:
            made.headers[name.decode()] = value.decode()
        return made

    return refused


def _openapi(service: Service) -> Handler:
    """GET openapi.json: made anew where something else is served."""
    of: dict[str, Served] | None = None
    text = b""

    async def openapi(call: Call) -> Answer:
        nonlocal of, text
        call.route = "/openapi.json"
        served = service.catalog.served
        if of != served:
            of, text = served, encoded(document(served, service.settings))
        return Answer(200, text)

    return openapi


def _payload(service: Service, verb: str) -> Handler:
    return lambda call: service.payload(call, _model(call), verb)


def _model(call: Call) -> str:
    parameters: dict[str, Any] = call.scope["path_params"]
    return str(parameters["model"])


def _key(call: Call) -> list[bytes]:
    """The segments of the path behind /models/MODEL/score, as they came: each is a value of the key."""
    raw: bytes = call.scope["raw_path"]
    return raw.split(b"/")[_PARTS:]
