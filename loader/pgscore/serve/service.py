"""The service: what stands around each request, and what answers it."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pgscore.bundle.requests import Given, given_rows, parsed, scored, wrong_row
from pgscore.errors import PgscoreError

from .answers import Answer, Call, encoded
from .bodies import GoneError, read_body
from .callers import Callers
from .catalog import BundleCatalog, Catalog, FollowedCatalog, answering
from .logs import Log
from .metrics import Metrics
from .pool import Pool
from .problems import Problem, overloaded, refusal
from .profiles import chosen_table, key_of, profile, profile_tables, read
from .rows import after_events, answered, asked, explained, predicted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.bundle import Bundle
    from pgscore.served import Served

    from .answers import Receive, Scope, Send
    from .settings import Settings

_VERBS: dict[str, Callable[[Bundle, dict[str, Any]], dict[str, Any]]] = {
    "score": scored,
    "predict": predicted,
    "explain": explained,
}
_OPEN = ("/healthz", "/readyz")


class Service:
    """The models of a database or of bundles, over HTTP. An ASGI application without its routes, which `app` adds."""

    def __init__(self, settings: Settings, log: Log | None = None) -> None:
        """Starts nothing yet.

        Raises:
            PgscoreError: the tokens cannot be read.
        """
        self.settings = settings
        self.log = log or Log(requests=settings.log)
        self.metrics = Metrics()
        self.callers = Callers(settings)
        kind: Callable[..., Catalog] = FollowedCatalog if settings.dsn is not None else BundleCatalog
        self.catalog = kind(settings, self._changed, self._lost)
        self.pool = (
            Pool(settings.dsn, settings.connections, settings.queue, settings.timeout)
            if settings.dsn is not None
            else None
        )
        self.in_flight = 0
        # How many requests the server has read and not begun yet: it says.
        self.pressure: Callable[[], int] = lambda: 0
        # Reads certificates anew.
        self.renew: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begins to follow which versions answer.

        Raises:
            PgscoreError: a bundle is refused.
        """
        self.catalog.start()

    def reload(self) -> None:
        """Reads tokens and bundles anew, and looks at the database; where something is wrong it stays as it was."""
        try:
            self.callers.load()
            self.renew()
        except Exception as error:
            self.log.event("reload", problem=str(error))
        self.catalog.look()
        self.log.event("reload")

    def close(self) -> None:
        """Ends what it has begun."""
        self.catalog.close()
        if self.pool is not None:
            self.pool.close()

    def _changed(self, served: Served) -> None:
        self.metrics.serves(served.model, served.version)
        self.log.event(
            "serves",
            model=served.model,
            version=served.version,
            **({"problem": served.problem} if served.problem else {}),
        )

    def _lost(self, sentence: str) -> None:
        self.log.event("database", problem=sentence)

    async def respond(self, scope: Scope, receive: Receive, send: Send, handle: Callable[[Call], Any]) -> None:
        """Answers a request by a handler, or by the problem that it raises; counts it and logs it."""
        started = time.perf_counter()
        call = Call(scope, receive)
        # Those that are read and not begun yet count as well; whether it lives is asked when it is busy, too.
        is_open = scope["path"] in _OPEN
        most = self.settings.concurrency
        if (self.in_flight >= most or self.pressure() > 2 * most) and not is_open:
            answer = refusal(overloaded("too many requests at once"))
        else:
            self.in_flight += 1
            try:
                if not is_open:
                    self.callers.check(scope)
                answer = await handle(call)
            except Problem as problem:
                answer = refusal(problem)
            except GoneError:
                return
            except Exception as error:
                self.log.fault(error)
                answer = refusal(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "fault", "this is a fault of pgscore"))
            finally:
                self.in_flight -= 1
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
        seconds = time.perf_counter() - started
        self.metrics.count(call, answer.status, seconds)
        self.log.request(call, answer.status, seconds)

    async def payload(self, call: Call, model: str, verb: str) -> Answer:
        """POST score, predict, explain: rows that the caller hands in."""
        served = self._named(call, model, f"/models/{{model}}/{verb}")
        settings = self.settings
        body = await read_body(call.scope, call.receive, settings.max_bytes, settings.timeout)
        given = after_events(given_rows(parsed(body), settings.max_rows, settings.max_events), served)
        if served.bundle is not None:
            answers = await answered(given, served.bundle, _VERBS[verb], settings.timeout)
        else:
            answers = await self._asked(call, verb, served, given)
        call.rows = len(answers)
        said = {"model": model, "version": call.version}
        return Answer(200, encoded({**said, **answers[0]} if given.single else {**said, "rows": answers}))

    async def keyed(self, call: Call, model: str, key: list[bytes]) -> Answer:
        """GET score: a profile as it stands."""
        served = self._named(call, model, "/models/{model}/score/{key}")
        pool, table = self._pool(), chosen_table(served, _wanted(call))
        row = read(await profile(pool, served, table, key_of(key), inputs=True))
        if served.bundle is None:
            given = Given([row], [""], single=True)
            (answer,) = await self._asked(call, "score", served, given)
        else:
            try:
                answer = scored(served.bundle, row)
            except (PgscoreError, RecursionError) as error:
                problem = wrong_row(served.bundle, row, "", error)
                raise Problem(HTTPStatus.CONFLICT, "wrong-profile", str(problem)) from None
        call.rows = 1
        return Answer(200, encoded({"model": model, "version": call.version, "profile": table.name, **answer}))

    async def profile(self, call: Call, model: str, key: list[bytes]) -> Answer:
        """GET profile: for a caller that keeps a copy, and reduces its own events into it."""
        served = self._named(call, model, "/models/{model}/profile/{key}")
        pool, table = self._pool(), chosen_table(served, _wanted(call))
        text = await profile(pool, served, table, key_of(key), inputs=False)
        head = encoded({"model": model, "version": served.version, "table": table.name, "binding": table.binding})
        # The database's own text, with all its digits.
        return Answer(200, head[:-1] + b', "profile": ' + text.encode() + b"}")

    async def models(self, call: Call) -> Answer:
        """GET models."""
        call.route = "/models"
        return Answer(200, encoded({"models": [_described(each) for _, each in sorted(self.catalog.served.items())]}))

    async def model(self, call: Call, model: str) -> Answer:
        """GET models/{model}."""
        served = self._named(call, model, "/models/{model}")
        contract = served.contract or {}
        return Answer(
            200, encoded({**_described(served), "inputs": contract.get("inputs"), "output": contract.get("output")})
        )

    async def healthy(self, call: Call) -> Answer:
        """GET healthz: the process answers."""
        call.route = "/healthz"
        return Answer(200, b'{"status": "ok"}')

    async def ready(self, call: Call) -> Answer:
        """GET readyz: there is something to score with. Payloads are scored while the database is away."""
        call.route = "/readyz"
        wanted = self.settings.models or ()
        missing = [each for each in wanted if self.catalog.get(each) is None]
        if missing or not self.catalog.served:
            what = f"model {missing[0]!r} is" if missing else "no model is"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", f"{what} known yet")
        return Answer(200, encoded({"status": "ready", "database": self.database}))

    async def counted(self, call: Call) -> Answer:
        """GET metrics."""
        call.route = "/metrics"
        text, kind = self.metrics.text(connected=self.catalog.connected)
        return Answer(200, text, kind)

    @property
    def database(self) -> str:
        """How the database is: up, away, or none."""
        if self.pool is None:
            return "none"
        return "up" if self.catalog.connected else "away"

    def _named(self, call: Call, model: str, route: str) -> Served:
        call.route = route
        served = answering(self.catalog, model)
        call.model, call.version = model, served.version
        return served

    def _pool(self) -> Pool:
        if self.pool is None:
            raise Problem(
                HTTPStatus.NOT_FOUND, "no-database", "this service has bundles, and no database with profiles"
            )
        return self.pool

    async def _asked(self, call: Call, verb: str, served: Served, given: Given) -> list[dict[str, Any]]:
        if self.pool is None:
            raise Problem(HTTPStatus.CONFLICT, "no-program", str(served.problem))
        call.version, answers = await asked(self.pool, verb, served, given.rows)
        return answers


def _described(served: Served) -> dict[str, Any]:
    return {
        "model": served.model,
        "version": served.version,
        "evaluated": "here" if served.bundle is not None else "in the database" if served.version else None,
        "profiles": list(profile_tables(served)),
        **({"problem": served.problem} if served.problem else {}),
        **({"refused": served.refused} if served.refused else {}),
    }


def _wanted(call: Call) -> str | None:
    query = call.scope.get("query_string", b"")
    if not query:
        return None
    try:
        given = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed", "the query has too many fields") from None
    values = given.get("profile")
    return None if values is None else values[-1]
