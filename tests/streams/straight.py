"""Workers that go straight to the profiles of the shop, as a login with the least rights."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.bindings import shop
from tests.support.database import PASSWORD

from .working import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.support.database import Database, Session

LOGIN = "test_straight"
DEFINITION: dict[str, Any] = {
    "profile": shop.PROFILE,
    "event_key": ["Customer Id"],
    "profile_key": ["id"],
    "event_columns": {"Customer Id": "bigint", "Kind": "text", "rush": "boolean", "amount": "numeric"},
    "reducers": [
        {"column": "n", "aggregate": "count"},
        {"column": "billed", "aggregate": "count", "where": {"Kind": "billing", "rush": True}},
        {"column": "Total", "aggregate": "sum", "of": "amount"},
    ],
    "score": "Score",
    "version": "Version",
}
# Neither the table, nor other columns of it.
_RIGHTS = f"""
    grant usage on schema "Shop" to {LOGIN};
    grant select ({{key}}, "Age", n, billed, "Total"), update (n, billed, "Total", "Score", "Version")
        on {shop.PROFILE} to {LOGIN}
"""
# What the database gives for the rows as they stand. A linear sum is not the same to the last bit.
_WRONG = f"""
    select count(*) from {shop.PROFILE} p
    where "Version" is distinct from case when n > 0 then %s end
        or n > 0 and not coalesce(abs("Score" - pgscore.score('shop', p)) < 1e-12, false)
"""


class Straight:
    """A worker of the shop's, its database and its definition."""

    def __init__(self, working: Streams, database: Database) -> None:
        self.working, self.session, self.dsn = working, database.session(), database.dsn()
        self.define()

    def define(self, **options: Any) -> None:  # noqa: ANN401
        """Writes the definition, with other options than the plain one's."""
        self.working.definition.write_text(json.dumps(DEFINITION | options))

    def arguments(self, topic: str, model: str = "shop") -> list[str]:
        """What `start` takes."""
        return ["predict", model, "--topic", topic, "--definition", str(self.working.definition)]

    def run(self, topic: str, *arguments: str, model: str = "shop", expect: int = 0) -> Any:  # noqa: ANN401
        """Has a worker do what is there; what it says at its end."""
        worker = self.working.start(*self.arguments(topic, model), "--once", "--json", *arguments)
        printed = worker.end(expect)
        return json.loads(printed if expect == 0 else worker.lines[-1])

    def assert_right(self, version: int | None = 1) -> None:
        """Holds that profiles with events have the version, and the score that the database gives for them."""
        assert self.session.value(_WRONG, version) == 0, self.session.run(
            f"""select "Age", n, "Total", "Version", "Score", pgscore.score('shop', p) from {shop.PROFILE} p"""
        )


def grant(session: Session, key: str = "id") -> None:
    """Makes the login, which may do what the documentation says that it takes."""
    if session.value("select to_regrole(%s)", LOGIN) is None:
        session.run(f"create role {LOGIN} login password '{PASSWORD}'; grant pgscore_reader to {LOGIN}")
    session.run(_RIGHTS.format(key=key))


@contextmanager
def straight(broker: PrivateBroker, database: Database, folder: Path) -> Iterator[Straight]:
    """Workers that are ended with the block."""
    made = Straight(Streams(broker, database.dsn(LOGIN), folder), database)
    try:
        yield made
    finally:
        made.working.close()
