"""What owners of tables do to them under a model that serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import pytest
from pgscore.doctor import examine

from tests.support.database import APPLICATION, refused
from tests.support.models import LIGHT_INPUTS, counters, customers, light_pipeline, probability, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'billing')"


@pytest.fixture(params=["sql", "estimator"])
def light(serving: Database, request: pytest.FixtureRequest) -> Session:
    """A session in a database where version 2 answers, which reads three columns; each engine in its own way."""
    session = serving.session()
    serve(session, "churn", 2, request.param)
    return session


def _problems(database: Database) -> dict[str, str]:
    return {each.subject: each.sentence for each in examine(database.dsn()) if each.level == "error"}


def test_changes_that_the_model_does_not_see(serving: Database, light: Session) -> None:
    """One after the other, each under sessions that have inserted before it; in the end a new one inserts too."""
    application = serving.session(APPLICATION)
    application.run(_COMPLAIN, 1)
    changes = (
        "create index on churn.customer_profile (churn_score)",
        "create index on churn.complaints (kind)",
        "alter table churn.customer_profile drop column total_eve_charge",  # version 2 does not read it
        "alter table churn.customer_profile rename column state to home",
        "alter table churn.customer_profile alter column total_intl_calls type bigint",
        "alter table churn.complaints add column severity integer not null default 1",
        "alter table churn.customer_profile alter column total_night_minutes type numeric",
    )
    for number, change in enumerate(changes, start=1):
        light.run(change)
        application.run(_COMPLAIN, 1)
        light.run(_COMPLAIN, 2)
        assert light.run("select * from pgscore.stale") == [], change
        for customer, complaints in ((1, number + 1), (2, number)):
            row = customers().iloc[[customer - 1]]
            row = row.assign(number_customer_service_calls=row["number_customer_service_calls"] + complaints)
            stored = light.value("select churn_score from churn.customer_profile where customer_id = %s", customer)
            assert stored == pytest.approx(probability(light_pipeline(), row)[0], abs=1e-12), change
    serving.session(APPLICATION).run(_COMPLAIN, 3)
    assert light.value("select count(*) from pgscore.stale") == 0
    assert "churn.customer_profile" not in _problems(serving)


@pytest.mark.parametrize("change", ["drop column total_intl_calls", "rename column total_intl_calls to calls"])
def test_an_input_that_is_gone_is_an_error_in_queries_a_stale_row_and_a_finding_of_the_doctor(
    serving: Database, light: Session, change: str
) -> None:
    light.run(f"alter table churn.customer_profile {change}")
    start = counters(light)
    serving.session(APPLICATION).run(_COMPLAIN, 2)
    assert counters(light) == {**start, 2: start[2] + 1}
    ((key, reason),) = light.run("select key, reason from pgscore.stale")
    assert (key, "total_intl_calls" in reason) == ("2", True)
    with refused("42703", "total_intl_calls"):
        light.run("select pgscore.score('churn', p) from churn.customer_profile p")
    assert 'has no column "total_intl_calls", which the model reads' in _problems(serving)["churn.customer_profile"]
    # It stands in no promotion's way, and says what is missing whenever it is asked.
    light.run("select pgscore.promote('churn', 2)")
    missing = 'table churn.customer_profile has no column "total_intl_calls", which the model reads'
    with refused("42703", missing):
        light.run("select pgscore.score('churn', p) from churn.customer_profile p")
    serving.session(APPLICATION).run(_COMPLAIN, 3)
    assert light.value("select reason from pgscore.stale where key = '3'") == missing
    light.run("alter table churn.customer_profile add column total_intl_calls integer not null default 3")
    assert len(light.run("select pgscore.score('churn', p) from churn.customer_profile p")) == len(counters(light))
    serving.session(APPLICATION).run(_COMPLAIN, 3)
    assert light.run("select key from pgscore.stale where key = '3'") == []


def test_a_partitioned_profile_takes_new_partitions(shared: Database, shared_session: Session, key: Path) -> None:
    session = shared_session
    columns = ", ".join(f"{name} double precision" for name in LIGHT_INPUTS)
    session.run(f"create table public.parted (id integer not null, {columns}) partition by range (id)")
    session.run("create table public.parted_1 partition of public.parted for values from (1) to (31)")
    session.run("grant usage on schema public to pgscore_owner")
    pgscore.publish(
        shared.dsn(), "parted", light_pipeline(), golden=customers(), profile="public.parted", key=key, promoted=True
    )
    session.run("create table public.parted_2 partition of public.parted for values from (31) to (61)")
    session.run(f"insert into public.parted select customer_id, {', '.join(LIGHT_INPUTS)} from churn.customer_profile")
    expected = pytest.approx(probability(light_pipeline(), customers()), abs=1e-12)
    rows = session.run("select pgscore.score('parted', p) from public.parted p order by id")
    assert [score for (score,) in rows] == expected
    rows = session.run("select pgscore.score('parted', p::public.parted) from public.parted_2 p order by id")
    assert [score for (score,) in rows] == pytest.approx(probability(light_pipeline(), customers())[30:], abs=1e-12)
    session.run("alter table public.parted detach partition public.parted_1")
    session.run("drop table public.parted_1")
    assert len(session.run("select pgscore.score('parted', p) from public.parted p")) == 30
