"""How many messages may be taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .order import Order


class Rate:
    """As many messages a second as an order says, and no more at once than a transaction takes."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._began, self._taken = time.monotonic(), 0.0

    def allowed(self) -> int:
        """How many may be taken now."""
        if self._order.rate is None:
            return self._order.batch
        # What was not used is not kept for longer than a second.
        earned = (time.monotonic() - self._began) * self._order.rate
        if earned - self._taken > self._order.rate:
            self._taken = earned - self._order.rate
        return min(self._order.batch, int(earned - self._taken))

    def took(self, count: int) -> None:
        """So many were taken."""
        self._taken += count
