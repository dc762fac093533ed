"""Keys: what is refused of those with several columns, and keys of events that no profile can have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import refused

from . import shop
from .keys import KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database

_ATTACH = f"""
    select pgscore.attach(
        'shop', '{shop.EVENTS}', '{shop.PROFILE}', %s::name[], %s::name[], '[{{"column": "n", "aggregate": "count"}}]',
        'Score'
    )
"""


@pytest.mark.parametrize(
    ("event_key", "profile_key", "reason"),
    [
        (["Customer Id"], ["id", "part"], "event_key and profile_key name the same number of columns, at least one"),
        ([], [], "event_key and profile_key name the same number of columns, at least one"),
        (["Customer Id", None], ["id", "part"], "event_key and profile_key name the same number of columns"),
        (["Customer Id"], ["id"], 'column "id" of table "Shop"."Customer" is not unique; run: alter table'),
        (
            ["Customer Id", "Kind"],
            ["id", "note"],
            'the key of columns "id", "note" of table "Shop"."Customer" is not unique; run: alter table'
            ' "Shop"."Customer" add unique (id, note)',
        ),
        (["Part", "Customer Id"], ["id", "part"], 'the keys do not match: "Part" of "Shop"."Order Lines" is bigint'),
        (["Customer Id", "nobody"], ["id", "part"], 'table "Shop"."Order Lines" has no column "nobody"'),
        (["Customer Id", "Part"], ["id", "nobody"], 'table "Shop"."Customer" has no column "nobody"'),
        (["Customer Id", "Customer Id"], ["id", "id"], "is not unique"),
    ],
)
def test_refused_keys(serving: Database, event_key: list[str | None], profile_key: list[str], reason: str) -> None:
    session = serving.session()
    KEYS["text, integer"].build(session)
    with refused("22023", reason):
        shop.run_as_owner(session, _ATTACH, event_key, profile_key)


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_the_columns_of_a_key_in_another_order_than_the_index(serving: Database, key: Path, timing: str) -> None:
    session = serving.session()
    KEYS["text, integer"].build(session)
    shop.publish(serving.dsn(), key)
    session.run(f"insert into {shop.PROFILE} (id, part) values ('a', 1), ('a', 2), ('1', 2)")
    timed = _ATTACH.replace("'Score'", f"'Score', 'Version', timing => '{timing}'")
    shop.run_as_owner(session, timed, ["Part", "Customer Id"], ["part", "id"])
    session.run(
        f'insert into {shop.EVENTS} (id, "Customer Id", "Part")'
        " values (1, 'a', 2), (2, '1', 2), (3, 'a', 2), (4, '2', 1)"
    )
    counted = f"select id, part, n from {shop.PROFILE} order by 1, 2"
    assert session.run(counted) == [("1", 2, 1), ("a", 1, 0), ("a", 2, 2)]
    session.run(f"update {shop.PROFILE} set part = 3 where id = '1'")
    session.run(f'update {shop.EVENTS} set "Part" = 1 where id = 3')
    assert session.run(counted) == [("1", 3, 0), ("a", 1, 1), ("a", 2, 1)]


@pytest.mark.parametrize("timing", ["commit", "statement"])
def test_events_whose_key_no_profile_can_have(serving: Database, key: Path, timing: str) -> None:
    tables = KEYS["narrow profiles"]
    session = serving.session()
    tables.build(session)
    tables.attach(session, timing=timing)
    shop.publish(serving.dsn(), key)
    session.run(f"insert into {shop.PROFILE} (id) values (1)")
    session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (1, 99999999999), (2, 1), (3, -99999999999)')
    session.run(f'update {shop.EVENTS} set "Customer Id" = 1 where id = 3')
    session.run(f'update {shop.EVENTS} set "Customer Id" = 40000, weight = 3 where id < 3')
    assert tables.assert_right(session) == 1
    tables.attach(session, timing=timing, on_missing="insert")
    with refused("22003", "smallint out of range"):
        session.run(f'insert into {shop.EVENTS} (id, "Customer Id") values (4, 40001)')
