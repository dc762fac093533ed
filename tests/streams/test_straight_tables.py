"""`pgscore stream predict --definition` where the profile table is more than columns that messages move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.bindings import shop

from .straight import Straight, grant, straight
from .working import send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.server.broker import PrivateBroker
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

# Each makes the age, which the model reads, of what messages move.
_CHANGES = {
    "generated": f"""
        alter table {shop.PROFILE} drop column "Age",
            add "Age" numeric generated always as (3 * n - "Total" / 7) stored
    """,
    "before": f"""
        create function "Shop".aging() returns trigger language plpgsql as
            'begin new."Age" := 3 * new.n; return new; end';
        create trigger aging before update on {shop.PROFILE} for each row execute function "Shop".aging()
    """,
    "deferred": f"""
        create function "Shop".aging() returns trigger language plpgsql security definer as
            'begin update "Shop"."Customer" set "Age" = 3 * n where id = new.id and "Age" <> 3 * n; return null; end';
        create constraint trigger aging after update on {shop.PROFILE} deferrable initially deferred
            for each row execute function "Shop".aging()
    """,
}


@pytest.fixture
def told(broker: PrivateBroker, shopping: Database, tmp_path: Path) -> Iterator[Straight]:
    session = shopping.session()
    session.run(f'insert into {shop.PROFILE} (id, "Age") select i, i %% 80 from generate_series(1, %s) i', 9)
    grant(session)
    with straight(broker, shopping, tmp_path) as made:
        yield made


@pytest.mark.parametrize("change", _CHANGES)
@pytest.mark.parametrize("enriched", [False, True])
def test_what_the_database_makes_of_a_row_is_scored(
    told: Straight, topic: MakeTopic, change: str, *, enriched: bool
) -> None:
    shop.run_as_owner(told.session, _CHANGES[change])
    grant(told.session)
    events, scores = topic("events"), topic("scores")
    rows = dict(told.session.run(f"select id, to_jsonb(p) from {shop.PROFILE} p"))
    sent = [{"Customer Id": 1 + n % 5, "amount": n} for n in range(12)]
    found = [{"event": each, "profile": rows[each["Customer Id"]]} for each in sent] if enriched else sent
    send(told.working.broker, events, found, key="all")
    said = told.run(events, "--to", scores, *(["--enriched"] if enriched else []))
    assert (said["dead"], said.get("profiles_as_told", 0)) == (0, 5 if enriched else 0)
    told.assert_right()


def test_a_real_is_read_as_it_is_shown(told: Straight, topic: MakeTopic) -> None:
    shop.run_as_owner(
        told.session,
        f'alter table {shop.PROFILE} alter "Age" type real using 1.1; alter table {shop.PROFILE} add least_of real;'
        f" grant select (least_of), update (least_of) on {shop.PROFILE} to public",
    )
    events = topic("events")
    send(told.working.broker, events, [{"Customer Id": 1, "amount": 0.1}, {"Customer Id": 2, "amount": 1}], key="all")
    assert told.run(events)["dead"] == 0
    told.assert_right()


@pytest.mark.parametrize(
    ("change", "definition", "why"),
    [
        ('alter "Total" type real', {}, 'type real, which does not hold each value of a sum of "amount"'),
        ("alter n type smallint", {}, "type smallint, which does not hold each value of a count"),
        ("alter n type numeric(9, 0)", {}, "type numeric(9,0), which does not hold each value of a count"),
        (
            "add x bigint",
            {"reducers": [{"column": "x", "aggregate": "sum", "of": "Kind"}]},
            'column "Kind" of type text cannot be summed',
        ),
        (
            'drop constraint "Customer_pkey"; create unique index on "Shop"."Customer" (id, lower(note))',
            {},
            "no unique index",
        ),
        (
            'alter id type text collate "Shop".blind',
            {},
            'keys with a nondeterministic collation such as "id" are not supported',
        ),
    ],
)
def test_tables_that_cannot_serve_are_refused(
    told: Straight, topic: MakeTopic, change: str, definition: dict[str, Any], why: str
) -> None:
    shop.run_as_owner(
        told.session,
        """create collation "Shop".blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)""",
    )
    shop.run_as_owner(told.session, f"alter table {shop.PROFILE} {change}")
    told.define(**definition)
    said = told.run(topic(), expect=1)
    assert why in said["error"]


def test_an_unknown_model_is_refused_and_one_that_does_not_answer_yet_moves_counters(
    told: Straight, topic: MakeTopic
) -> None:
    events = topic("events")
    send(told.working.broker, events, [{"Customer Id": 1, "amount": 3}], key="all")
    assert told.run(events, model="nothing", expect=1)["error"] == "model 'nothing' is unknown"
    # As it was before the first promotion.
    told.session.run("set session_replication_role = replica")
    told.session.run("create table public.answered as select * from pgscore.model")
    told.session.run("update pgscore.model set serving = null, one_engine = null, many_engine = null")
    worker = told.working.start(*told.arguments(events))
    worker.wait_for("step stored 1")
    assert told.session.row(f'select n, "Total", "Score", "Version" from {shop.PROFILE} where id = 1') == (
        1,
        3,
        None,
        None,
    )
    told.session.run(
        "update pgscore.model m set (serving, one_engine, many_engine) = (a.serving, a.one_engine, a.many_engine)"
        " from public.answered a where a.name = m.name"
    )
    send(told.working.broker, events, [{"Customer Id": 1, "amount": 4}], key="all")
    worker.wait_for("step stored 2")
    worker.stop()
    told.assert_right()
