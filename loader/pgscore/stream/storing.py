"""Storing what messages do: the transaction, which moves the offsets too, and the connection that it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.bundle.make import pin
from pgscore.database import connect, transaction
from pgscore.errors import PgscoreError

from . import offsets
from .apps import Done, apply
from .offsets import FencedError, Place
from .outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from .apps import App
    from .batch import Batch
    from .order import Order


class Storing:
    """Stores batches.

    Attributes:
        whose: what tells this database and this role from others, once it is connected: see `offsets.whose`.
    """

    def __init__(self, order: Order, app: App, say: Callable[[str], None], step: Callable[[str], None]) -> None:
        self.whose: dict[str, str] = {}
        self._order, self._app, self._step = order, app, step
        self._outputs = Outputs(order.settings, say)
        self._connection: Connection | None = None

    def store(self, batch: Batch, claims: Mapping[Place, str]) -> Done:
        """What messages do, and how far they have come, in one transaction.

        Raises:
            FencedError: a partition is another worker's.
        """
        connection = self.database()
        with transaction(connection):
            held = offsets.hold(connection, self._order.group, {place: claims[place] for place in batch.ends})
            if held == batch.ends:
                # The answer to a COMMIT was lost, and it was done.
                return Done()
            if held != batch.begins:
                raise FencedError("somebody has moved the offsets of this group meanwhile")
            self._step("held")
            pin(connection)
            done = apply(self._app, connection, batch.messages)
            done.dead = [*batch.dead, *done.dead]
            self._step("applied")
            self._bury(done)
            self._step("written")
            offsets.move(connection, self._order.group, batch.ends)
            self._step("moved")
        return done

    def _bury(self, done: Done) -> None:
        if done.dead and self._order.dead_letters is None:
            first = done.dead[0]
            raise PgscoreError(
                f"nothing can be done with {first.raw.place}: {first.reason}",
                "--dead-letters TOPIC writes such messages there and goes on.",
            )
        if done.dead or done.outputs:
            self._outputs.write(done, self._order.dead_letters or "", self._order.group)

    def database(self) -> Connection:
        """The connection, which is made anew where it was lost.

        Raises:
            UnreachableError: the database does not answer.
        """
        if self._connection is not None and self._connection.closed:
            self._connection = None
        if self._connection is None:
            connection = connect(self._order.dsn)
            try:
                with transaction(connection):
                    self.whose = offsets.whose(connection)
                    self._app.begin(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def disconnect(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()

    def close(self) -> None:
        """Ends it."""
        self._outputs.close()
        self.disconnect()
