"""Several connections that share one piece of work."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, suppress
from threading import Event
from typing import TYPE_CHECKING, TypeVar

import psycopg2

from pgscore.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.database import Database

    Result = TypeVar("Result")

# How often it is looked whether somebody presses Ctrl-C.
_SECONDS = 0.2


def work_together(
    database: Database,
    first: Connection,
    workers: int,
    work: Callable[[Connection, Callable[[], bool]], Result | None],
) -> Result:
    """Does work on several connections at once, until each finds nothing to do; what one of them gives.

    Args:
        database: where to open the others.
        first: the first connection.
        workers: how many there are, with the first.
        work: does all there is; it is handed a connection, and what says whether to go on, and gives None where it was
            told to stop.

    Raises:
        BaseException: what the first that failed raised; the others are stopped, their statements cancelled.
    """
    stop = Event()
    if workers == 1:
        return _given([work(first, lambda: True)])
    with ExitStack() as opened:
        connections = [first]
        for _ in range(workers - 1):
            connection = connect(database)  # type: ignore[arg-type]  # several workers take no connection
            connections.append(opened.enter_context(closing(connection)))
        pool = opened.enter_context(ThreadPoolExecutor(workers))
        running = [pool.submit(work, each, lambda: not stop.is_set()) for each in connections]
        try:
            left = set(running)
            while left:
                done, left = wait(left, timeout=_SECONDS, return_when=FIRST_EXCEPTION)
                for ended in done:
                    ended.result()
        except BaseException:
            stop.set()
            for each in connections:
                with suppress(psycopg2.Error):
                    each.cancel()
            raise
        return _given([each.result() for each in running])


def _given(results: list[Result | None]) -> Result:
    return next(each for each in results if each is not None)
