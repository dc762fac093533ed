"""Ctrl-C while the database works: the statement is cancelled on the server, at once."""

from __future__ import annotations

import os
import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import extensions
from psycopg2.errors import QueryCanceled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812

_CONNECT_SECONDS = 10
_CONNECTED = (extensions.STATUS_READY, extensions.STATUS_BEGIN, extensions.STATUS_PREPARED)
_state = {"interrupted": False}


@contextmanager
def interruptible() -> Iterator[None]:
    """Has this process wait for databases so that Ctrl-C is noticed; libpq's own waiting would sit it out."""
    _state["interrupted"] = False
    before = extensions.get_wait_callback()
    extensions.set_wait_callback(_wait)
    try:
        yield
    finally:
        # The callback is the whole process's: COPY, for one, cannot be used with one.
        extensions.set_wait_callback(before)


def interrupted() -> bool:
    """Whether Ctrl-C cancelled a statement."""
    return _state["interrupted"]


def _wait(connection: Connection) -> None:
    connecting = connection.status not in _CONNECTED
    # libpq leaves its connect_timeout to whoever waits.
    deadline = _deadline(connection) if connecting else None
    if interrupted():
        raise KeyboardInterrupt
    while True:
        try:
            state = connection.poll()
            if state == extensions.POLL_OK:
                return
            waiting = [connection.fileno()]
            reads, writes = (waiting, []) if state == extensions.POLL_READ else ([], waiting)
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not any(select.select(reads, writes, [], left)):
                raise psycopg2.OperationalError("no answer within the connect_timeout")
        except KeyboardInterrupt:
            _state["interrupted"] = True
            if connecting:
                raise
            connection.cancel()
        except QueryCanceled:
            if interrupted():
                raise KeyboardInterrupt from None
            raise
        except psycopg2.OperationalError as error:
            if connecting:
                # libpq names the address only where it waits itself.
                raise psycopg2.OperationalError(f"{_address(connection)}: {error}") from None
            raise


def _address(connection: Connection) -> str:
    given = extensions.parse_dsn(connection.dsn)
    host = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or "the local socket"
    return f"{host}, port {given.get('port') or os.environ.get('PGPORT') or 5432}"


def _deadline(connection: Connection) -> float | None:
    given = extensions.parse_dsn(connection.dsn).get("connect_timeout") or os.environ.get("PGCONNECT_TIMEOUT")
    try:
        seconds = float(given or _CONNECT_SECONDS)
    except ValueError:
        seconds = _CONNECT_SECONDS
    # As libpq has it, 0 waits for ever.
    return time.monotonic() + seconds if seconds > 0 else None
