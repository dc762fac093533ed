"""Topics as the broker knows them, and whether one was made anew while it was read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError, UnreachableError

from . import client

if TYPE_CHECKING:
    from .order import Order

# A topic that was made anew is looked for so often, in seconds.
_LOOK = 5.0
_PATIENCE, _SOON = 15.0, 3.0


class Topics:
    """The topics of an order.

    Attributes:
        ids: what the broker knew them by when they were asked for.
    """

    def __init__(self, order: Order) -> None:
        self.ids: dict[str, str] = {}
        self._order = order
        self._admin: Any = None
        self._looked = 0.0

    def ask(self) -> None:
        """Asks what the broker knows them by.

        Raises:
            NotFoundError: there is no such topic.
            UnreachableError: no broker answers.
        """
        self.ids = self._ask(_PATIENCE)

    def look(self) -> None:
        """Looks whether topics are still those that were claimed.

        Raises:
            PgscoreError: one was made anew.
        """
        if time.monotonic() - self._looked < _LOOK:
            return
        try:
            found = self._ask(_SOON)
        except UnreachableError:
            return
        self._looked = time.monotonic()
        for topic, identifier in found.items():
            if identifier != self.ids[topic]:
                raise PgscoreError(
                    f"topic {topic} was made anew while group {self._order.group} read it: its offsets mean other"
                    " messages",
                    f"--reset forgets how far group {self._order.group} had come, and begins at --from.",
                )

    def doubt(self) -> None:
        """The next look is not put off: the broker says that it has no such topic."""
        self._looked = 0.0

    def _ask(self, seconds: float) -> dict[str, str]:
        if self._admin is None:
            from confluent_kafka.admin import AdminClient

            self._admin = AdminClient({**self._order.settings, "log_level": 0})
        return client.topic_ids(self._order.settings, self._order.topics, admin=self._admin, seconds=seconds)
