"""Exports to Redis: a key for each profile, and a stamp that is written last."""

from __future__ import annotations

import json
import math
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from pgscore.errors import BusyError, DeniedError, PgscoreError, UnreachableError

from .target import KeyedTarget, Target, needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from .address import Address
    from .records import Options, Plan, Stamp
    from .target import Row

_GLOB = re.compile(r"[\\*?\[\]^]")
_PLACE = re.compile(r"\{([^{}]*)\}")
_DATABASE = re.compile(r"/?|/[0-9]+")
_SECONDS = 10
_VALUES = ("number", "hash")
# Others would change how answers are read.
_PARAMETERS = (
    *("db", "username", "password", "protocol", "ssl_ca_certs", "ssl_ca_path", "ssl_ca_data"),
    *("ssl_cert_reqs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"),
)
_SCANNED = 2000


class Redis(KeyedTarget):
    """Keys of a Redis database, by pipelines.

    A profile without a score has no key. The stamp, a hash, says which export is complete; its field ``writing`` is
    there from the beginning of an export to its end, and after one that died.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"pattern", "value", "expire", "delete_missing"})

    def __init__(self, address: Address, options: Options) -> None:
        super().__init__(address, options)
        self._value = options.value or "number"
        if self._value not in _VALUES:
            raise PgscoreError(f'--as "{self._value}" is unknown', f"It is one of {', '.join(_VALUES)}.")
        if options.expire is not None and options.expire < 1:
            raise PgscoreError("--expire is at least one second")
        unknown = sorted(set(address.parameters) - set(_PARAMETERS))
        if unknown:
            raise PgscoreError(
                f"the target's URL has the parameter {unknown[0]}, which is none",
                f"There are {', '.join(_PARAMETERS)}.",
            )
        if address.scheme != "unix" and not _DATABASE.fullmatch(address.parts.path):
            raise PgscoreError(
                f"the target's URL names no database of Redis: {address.parts.path}", "Such as redis://host/0."
            )
        self._client: Any = None
        self._name: _Names
        self._plan: Plan
        self._id = ""
        self._kept = 0

    @property
    def where(self) -> str:
        """With pattern and form: other ones are another target."""
        pattern = self.options.pattern or "{model}:{key}"
        expire = f" for {self.options.expire} s" if self.options.expire else ""
        return f"{self.address.shown} {pattern} as {self._value}{expire}"

    def check(self, *, changed: bool) -> None:
        """Changes of keys that expire would leave the others to vanish."""
        if changed and self.options.expire is not None:
            raise PgscoreError(
                "--changed does not go with --expire: keys that did not change would expire",
                "Export all rows, or without --expire.",
            )

    def prepare(self, plan: Plan) -> None:
        """Connects, and reads the pattern."""
        self._plan = plan
        self._name = _Names(self.options.pattern or f"{plan.model}:{{key}}", plan)
        try:
            import redis
        except ModuleNotFoundError:
            raise needs("redis") from None
        with self._said():
            common = {"socket_connect_timeout": _SECONDS, "client_name": "pgscore", "decode_responses": True}
            # A server that does not speak TLS says nothing for as long as it is waited for.
            with redis.Redis.from_url(self.address.given, socket_timeout=_SECONDS, **common) as client:
                client.ping()
            self._client = redis.Redis.from_url(self.address.given, socket_timeout=60, **common)
            kind = self._client.type(self._name.stamp)
        if kind not in ("none", "hash"):
            raise PgscoreError(
                f'key "{self._name.stamp}" is taken by something that pgscore has not made, a {kind}',
                "Remove it, or have --pattern name other keys.",
            )

    def holds(self, stamp: str) -> bool:
        """Whether the stamp is that export's: not of another one, nor gone with all the rest."""
        with self._said():
            return bool(self._client.hget(self._name.stamp, "export") == stamp)

    def begin(self, stamp: str, *, changed: bool) -> None:
        """Notes in the stamp that keys begin to change, which ends whoever is writing to them."""
        self._id, self._kept = stamp, 0
        with self._said():
            self._client.hset(self._name.stamp, "writing", stamp)
            self._client.delete(self._name.kept)

    def write(self, rows: Sequence[Row]) -> None:
        """Sends rows in one transaction, so that no reader finds version and score of different exports."""
        score = self._plan.key
        with self._writing() as pipeline:
            for row in rows:
                name = self._name.of(row)
                if row[score] is None:
                    pipeline.delete(name)
                elif self._value == "number":
                    pipeline.set(name, _text(row[score]), ex=self.options.expire)
                else:
                    self._set_hash(pipeline, name, row)

    def _set_hash(self, pipeline: Any, name: str, row: Row) -> None:  # noqa: ANN401
        named = zip(self._plan.columns[self._plan.key :], row[self._plan.key :], strict=True)
        # Anew: of the former one neither fields nor its expiry stay, nor a number.
        pipeline.delete(name)
        pipeline.hset(name, mapping={column.name: _text(value) for column, value in named if value is not None})
        if self.options.expire is not None:
            pipeline.expire(name, self.options.expire)

    def keep(self, rows: Sequence[Row]) -> None:
        """Gathers the names of keys that stay, in a set of Redis's."""
        names = {self._name.of(row) for row in rows if row[self._plan.key] is not None}
        if names:
            with self._said():
                self._kept += self._client.sadd(self._name.kept, *names)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A transaction that comes to nothing where another export has begun: its scores may be newer."""
        from redis.exceptions import WatchError

        with self._said(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.watch(self._name.stamp)
            if pipeline.hget(self._name.stamp, "writing") != self._id:
                raise self._overtaken()
            pipeline.multi()
            yield pipeline
            try:
                pipeline.execute()
            except WatchError:
                raise self._overtaken() from None

    def _overtaken(self) -> PgscoreError:
        return PgscoreError(
            f"another export has begun to write to the same keys, or {self._name.stamp} was removed, meanwhile",
            "The other one goes on, and this one has ended. Have one at a time.",
        )

    def _delete_missing(self) -> int:
        """Removes keys that were not gathered; the set is counted each time, since it may be evicted."""
        deleted = 0
        for some in self._scanned():
            with self._said():
                pipeline = self._client.pipeline(transaction=True)
                pipeline.scard(self._name.kept)
                for name in some:
                    pipeline.sismember(self._name.kept, name)
                kept, *stays = pipeline.execute()
            if kept != self._kept:
                raise PgscoreError(
                    f"Redis has lost some of {self._name.kept}, which says what stays: nothing more was deleted",
                    "Give it more memory, or a policy that evicts nothing that does not expire.",
                )
            gone = [name for name, is_kept in zip(some, stays, strict=True) if not is_kept]
            if gone:
                with self._writing() as pipeline:
                    pipeline.delete(*gone)
                deleted += len(gone)
        with self._said():
            self._client.delete(self._name.kept)
        return deleted

    def _scanned(self) -> Iterator[list[str]]:
        cursor = 0
        while True:
            with self._said():
                cursor, found = self._client.scan(cursor, match=self._name.glob, count=_SCANNED)
            names = [name for name in found if self._name.is_one(name)]
            if names:
                yield names
            if cursor == 0:
                return

    def finish(self, stamp: Stamp) -> Mapping[str, Any]:
        """Writes the stamp, in one transaction."""
        fields = {
            "export": stamp.stamp,
            "model": stamp.model,
            "profile": stamp.profile,
            "rows": str(stamp.rows),
            "versions": json.dumps(dict(stamp.versions)),
            "at": stamp.at.isoformat(),
            "changed": "1" if stamp.changed else "0",
        }
        deleted = {"deleted": self._delete_missing()} if self.options.delete_missing else {}
        with self._writing() as pipeline:
            pipeline.delete(self._name.stamp)
            pipeline.hset(self._name.stamp, mapping=fields)
        return {"stamp": self._name.stamp, **deleted}

    def abandon(self) -> None:
        """What was written stays: the stamp says that it is not complete."""
        if self._kept:
            with suppress(Exception):
                self._client.delete(self._name.kept)

    def close(self) -> None:
        """Closes the connection."""
        if self._client is not None:
            with suppress(Exception):
                self._client.close()
            self._client = None

    @contextmanager
    def _said(self) -> Iterator[None]:
        from redis import exceptions as of

        hidden, where = self.address.hidden, self.address.shown
        try:
            yield
        except (of.AuthenticationError, of.AuthorizationError, of.NoPermissionError) as error:
            raise DeniedError(
                f"{where} lets us not in: {hidden(error)}", "redis://user:password@host/0, or redis://:password@host/0."
            ) from None
        except of.BusyLoadingError as error:
            raise BusyError(f"{where} is not ready yet: {hidden(error)}") from None
        except (of.ConnectionError, of.TimeoutError, OSError) as error:
            tls = (
                "rediss:// is TLS; a server without it is reached by redis://."
                if self.address.scheme == "rediss"
                else ""
            )
            raise UnreachableError(f"the target {where} cannot be reached: {hidden(error)}", tls) from None
        except of.OutOfMemoryError as error:
            raise PgscoreError(f"{where} is full: {hidden(error)}", _HALF) from None
        except of.RedisError as error:
            raise PgscoreError(f"{where} refused: {hidden(error)}", _HALF) from None
        except ValueError as error:
            raise PgscoreError(f"the target's URL is malformed: {hidden(error)}") from None


_HALF = "Until an export is complete, the stamp says `writing`, and which export was the last that was."


class _Names:
    """What keys are called."""

    def __init__(self, pattern: str, plan: Plan) -> None:
        keys = [column.name for column in plan.columns[: plan.key]]
        self._single = plan.key == 1
        self._parts: list[tuple[str, tuple[int, ...]]] = []
        used: set[int] = set()
        end = 0
        for found in _PLACE.finditer(pattern):
            if found[1] != "key" and found[1] not in keys:
                raise PgscoreError(
                    f'the pattern names "{found[1]}", which is no column of the key, {", ".join(keys)}',
                    "{key} stands for all of it.",
                )
            positions = tuple(range(plan.key)) if found[1] == "key" else (keys.index(found[1]),)
            self._parts.append((pattern[end : found.start()], positions))
            used.update(positions)
            end = found.end()
        self._end = pattern[end:]
        # Without a colon between them, 1 and 23 would be 12 and 3.
        adjoin = any(":" not in text for text, _ in self._parts[1:])
        if adjoin or used != set(range(plan.key)) or "{" in _PLACE.sub("", pattern) or "}" in _PLACE.sub("", pattern):
            raise PgscoreError(
                f'the pattern "{pattern}" gives several profiles the same key', f"Such as {plan.model}:{{key}}."
            )
        self.stamp = "".join(f"{text}pgscore" for text, _ in self._parts) + self._end
        self.kept = f"{self.stamp}:kept"
        literals = [text for text, _ in self._parts] + [self._end]
        self.glob = "*".join(_GLOB.sub(r"\\\g<0>", text) for text in literals)
        whole = "".join(re.escape(text) + self._form(plan, positions) for text, positions in self._parts)
        self._whole = re.compile(whole + re.escape(self._end), re.DOTALL)

    def _form(self, plan: Plan, positions: tuple[int, ...]) -> str:
        """What stands in the place of key columns."""
        other = ".*" if self._single else "[^:]*"
        return ":".join("-?[0-9]+" if plan.columns[p].kind == "integer" else other for p in positions)

    def is_one(self, name: str) -> bool:
        """Whether a key may be a profile's: of its form, and not one of the export's own."""
        return self._whole.fullmatch(name) is not None and name not in (self.stamp, self.kept)

    def of(self, row: Row) -> str:
        """The key of a row.

        Raises:
            PgscoreError: it is that of the stamp.
        """
        name = "".join(text + ":".join(self._escaped(row[p]) for p in positions) for text, positions in self._parts)
        name += self._end
        if name in (self.stamp, self.kept):
            raise PgscoreError(
                f'a profile would have the key of the stamp, "{name}"', "Have --pattern name it otherwise."
            )
        return name

    def _escaped(self, value: object) -> str:
        # Parts of a key are told apart by colons.
        return str(value) if self._single else str(value).replace("%", "%25").replace(":", "%3A")


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    moment: datetime | None = value if hasattr(value, "isoformat") else None
    return moment.isoformat() if moment is not None else str(value)


TARGETS: dict[str, type[Target]] = {"redis": Redis, "rediss": Redis, "unix": Redis}
