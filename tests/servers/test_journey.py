"""From an empty database to scores that move, by roles that may do no more than they must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pgscore
import pytest
from alembic.util import CommandError
from pgscore.doctor import examine

from examples.server.cluster import PrivateCluster
from tests.bindings import shop
from tests.support import migrate
from tests.support.database import OPERATOR, PASSWORD, SCIENTIST, Database, Session
from tests.support.models import CUSTOMERS, assert_scores_are_right, customers, light_pipeline, load_customers

from .conftest import DBA, make_database

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = pd.DataFrame([[1, 2, 1, 3.5], [4, 0, 0, 0]], columns=shop.INPUTS)
_KEYS = f'insert into {shop.EVENTS} (id, "Customer Id")'
_LINES = f'insert into {shop.EVENTS} (id, "Customer Id", "Kind", rush, amount, pieces, weight, at)'


@pytest.fixture(scope="module")
def serving(managed: Database) -> Database:
    """The shop's model is published by one role and promoted by another; 20 profiles."""
    published = pgscore.publish(managed.dsn(SCIENTIST), "shop", shop.model(), profile=shop.PROFILE, golden=GOLDEN)
    assert [(each.engine, each.ok) for each in published.verifications] == [("sql", True)]
    pgscore.promote(managed.dsn(OPERATOR), "shop", 1)
    session = managed.session(shop.OWNER)
    session.run(f'insert into {shop.PROFILE} (id, "Age") select i, i % 7 from generate_series(1, 20) i')
    return managed


@pytest.fixture(params=["commit", "statement"])
def attached(request: pytest.FixtureRequest, serving: Database) -> Iterator[Session]:
    """The owner's session; the tables are attached, with no events."""
    owner = serving.session(shop.OWNER)
    shop.attach(owner, timing=request.param)
    yield owner
    shop.detach(owner)
    owner.run(f"truncate {shop.EVENTS}")


def test_events_of_all_kinds(attached: Session, serving: Database, version: int) -> None:
    clerk, owner = serving.session(shop.CLERK), attached
    clerk.run(f"{_LINES} values (1, 1, 'billing', true, 2.5, 1, 0.5, 10)")
    clerk.run(f"{_LINES} select i, i % 20 + 1, 'k' || i % 3, i % 2 = 0, i, i, i / 8.0, i from generate_series(2, 60) i")
    clerk.copy(f'copy {shop.EVENTS} (id, "Customer Id") from stdin', "61\t3\n62\t4\n")
    assert shop.assert_right(owner) == 20
    for statement in (
        f"update {shop.EVENTS} set amount = amount + 1, \"Kind\" = 'billing' where id < 20",
        f'update {shop.EVENTS} set "Customer Id" = 7 where id between 20 and 30',
        f"delete from {shop.EVENTS} where id % 5 = 0",
        f"{_LINES} values (1, 9, null, true, 1, 1, 1, 1), (90, 9, null, true, 1, 1, 1, 1)"
        ' on conflict (id) do update set "Customer Id" = excluded."Customer Id"',
        f'with gone as (delete from {shop.EVENTS} where id < 5 returning id, "Customer Id")'
        f' {_KEYS} select id + 200, "Customer Id" from gone',
        f"insert into {shop.PROFILE} (id) values (21), (22)",
        f'update {shop.PROFILE} set "Age" = 5 where id < 4',
    ):
        owner.run(statement)
        shop.assert_right(owner)
    owner.run(f"begin; {_KEYS} values (300, 1); savepoint s; {_KEYS} values (301, 2); rollback to s; commit")
    shop.assert_right(owner)
    source = "(select i as id, i % 20 + 1 as who from generate_series(40, 70) i)"
    if version >= 15:
        owner.run(
            f"merge into {shop.EVENTS} e using {source} s on e.id = s.id when matched and e.id < 50 then delete"
            ' when matched then update set "Customer Id" = s.who + 1'
            ' when not matched then insert (id, "Customer Id") values (s.id, s.who)'
        )
        shop.assert_right(owner)
    if version >= 17:
        owner.run(
            f"merge into {shop.EVENTS} e using {source} s on e.id = s.id"
            " when not matched by source and e.id < 90 then delete"
            ' when not matched by source then update set "Customer Id" = 2'
        )
        shop.assert_right(owner)
    if version >= 18:
        ((before, after),) = owner.run(
            f'update {shop.EVENTS} set "Customer Id" = 11 where id = 300 returning old."Customer Id", new."Customer Id"'
        )
        assert (before, after) == (2, 11)
        shop.assert_right(owner)
    owner.run(f"truncate {shop.EVENTS}")
    shop.assert_right(owner)
    owner.run(f"delete from {shop.PROFILE} where id > 20")


def test_whoever_commits(attached: Session, serving: Database) -> None:
    """Deferred triggers run as the role of the moment up to PostgreSQL 17, and from 18 on as who queued them."""
    superuser = serving.session()
    for queued, committed in (("none", shop.CLERK), (shop.CLERK, "none"), (shop.CLERK, shop.OWNER)):
        superuser.run(
            f"begin; set role {queued}; {_LINES} values (1, 1, 'billing', true, 1, 1, 1, 1);"
            f" set role {committed}; commit; reset role; delete from {shop.EVENTS} where id = 1"
        )
        superuser.run(
            f"begin; set role {queued}; {_LINES} values (1, 1, 'billing', true, 1, 1, 1, 1);"
            f" set role {committed}; commit; reset role"
        )
        shop.assert_right(attached)
        attached.run(f"delete from {shop.EVENTS}")
        shop.assert_right(attached)


def test_missed_events_are_found_and_reconciled(attached: Session, serving: Database) -> None:
    attached.run(f"{_KEYS} select i, i % 20 + 1 from generate_series(1, 40) i")
    attached.run(f"alter table {shop.EVENTS} disable trigger user")
    attached.run(f"delete from {shop.EVENTS} where id < 4")
    attached.run(f"alter table {shop.EVENTS} enable trigger user")
    (found,) = pgscore.reconcile(serving.dsn(shop.OWNER), shop.EVENTS, shop.PROFILE, repair=False)
    assert (found.checked, found.differing) == (20, 3)
    pgscore.reconcile(serving.dsn(shop.OWNER), shop.EVENTS, shop.PROFILE)
    shop.assert_right(attached)
    for role in (shop.OWNER, OPERATOR, DBA):
        levels = [each.level for each in examine(serving.dsn(role)) if each.subject == shop.EVENTS]
        assert levels
        assert "error" not in levels


def test_rows_of_a_table_and_of_a_query(serving: Database) -> None:
    owner = serving.session(shop.OWNER)
    wanted = owner.run(f"select c.id::text, pgscore.score('shop', c), 1, null from {shop.PROFILE} c order by 1")
    assert len(wanted) == 20
    for source in (shop.PROFILE, f"select * from {shop.PROFILE}"):
        found = owner.run("select * from pgscore.score_rows('shop', %s) order by 1", source)
        assert [(key, pytest.approx(score), *more) for key, score, *more in wanted] == found
    # A function that may not write reads chunks of a cursor, as it does for estimators.
    owner.run(
        """
        create function pg_temp.chunks() returns bigint[] language plpgsql stable as $$
        declare
            portal refcursor;
            sizes bigint[] := '{}';
        begin
            open portal for execute 'select i::text from generate_series(1, 25) i';
            loop
                sizes := sizes || (select count(row_key) from pgscore._fetch(portal, 10) as (row_key text));
                exit when sizes[cardinality(sizes)] = 0;
            end loop;
            return sizes;
        end $$
        """
    )
    owner.run("set default_transaction_read_only = on")
    assert owner.value("select pg_temp.chunks()") == [10, 10, 5, 0]


def test_maintenance_of_what_holds_scores(attached: Session, serving: Database) -> None:
    """From 17 on maintenance has a search_path of pg_catalog and pg_temp alone."""
    attached.run(
        "create materialized view \"Shop\".scores as select c.id, pgscore.score('shop', c) as score from"
        f' {shop.PROFILE} c; create unique index on "Shop".scores (id)'
    )
    attached.run(f"{_KEYS} values (1, 1)")
    superuser = serving.session()
    superuser.run('refresh materialized view concurrently "Shop".scores')
    superuser.run(f"vacuum analyze {shop.PROFILE}, {shop.EVENTS}")
    superuser.run(f'reindex table {shop.EVENTS}; cluster {shop.PROFILE} using "Customer_pkey"')
    assert (
        attached.value(
            f'select count(*) from "Shop".scores s join {shop.PROFILE} c using (id) where s.score <> c."Score"'
        )
        == 0
    )
    attached.run('drop materialized view "Shop".scores')


def test_the_reference_application_goes_and_comes_back(managed: Database) -> None:
    """A downgrade takes what it made; up again, and everything works."""
    dba = managed.session(DBA)
    assert dba.value("select rolsuper from pg_roles where rolname = current_user") is False
    for _ in range(2):
        load_customers(dba)
        pgscore.publish(
            managed.dsn(DBA),
            "churn",
            light_pipeline(),
            profile="churn.customer_profile",
            golden=customers(),
            promoted=True,
        )
        dba.run("insert into churn.complaints (customer_id, kind) select i, 'x' from generate_series(1, 9) i")
        dba.run("update churn.customer_profile set churn_score = null")
        assert (
            assert_scores_are_right(
                dba, {dba.value("select max(version) from pgscore.model_version"): light_pipeline()}
            )
            == CUSTOMERS
        )
        migrate.downgrade(managed.dsn(DBA), "churn@base", lose="customers")
        migrate.upgrade(managed.dsn(DBA), "churn@head")


def test_another_database_of_the_cluster(cluster: PrivateCluster, managed: Database, version: int) -> None:
    """Its owner did not make the roles, and from 16 on may not grant them: one sentence says who may."""
    superuser = managed.session()
    superuser.run(
        f"create role dba_2 login createrole password '{PASSWORD}'; create role nobody_2 login password '{PASSWORD}'"
    )
    other = make_database(cluster, "other", "dba_2")
    if version >= 16:
        with pytest.raises(
            CommandError, match="the role pgscore_owner exists, made for another database, and dba_2 may not"
        ) as e:
            migrate.upgrade(other.dsn("dba_2"), "core@head")
        grant = str(e.value).rpartition("run: ")[2]
        assert grant == "grant pgscore_owner to dba_2"
        managed.session(DBA).run(grant)
    migrate.upgrade(other.dsn("dba_2"), "core@head")
    migrate.downgrade(other.dsn("dba_2"), "core@base")
    # What is reviewed as a script is the same, and needs no more rights.
    migrate.psql(other.dsn("dba_2"), "-c", "drop table pgscore_alembic_version")
    migrate.psql(other.dsn("dba_2"), script=migrate.offline_script("core@head"))
    other.close()
    third = make_database(cluster, "third", "nobody_2")
    with pytest.raises(
        CommandError, match="the role pgscore_owner exists, made for another database, and nobody_2 may not"
    ):
        migrate.upgrade(third.dsn("nobody_2"), "core@head")
    third.close()


def test_core_goes_and_comes_back(cluster: PrivateCluster) -> None:
    """A downgrade of core waits for tables to be detached, and loses nothing of theirs."""
    database = make_database(cluster, "going", DBA)
    dsn = database.dsn(DBA)
    migrate.upgrade(dsn, "core@head")
    shop.build(database.session())
    owner = database.session(shop.OWNER)
    for _ in range(2):
        shop.attach(owner)
        owner.run(f"insert into {shop.PROFILE} (id) values (1) on conflict do nothing")
        owner.run(f"{_KEYS} select coalesce(max(id), 0) + 1, 1 from {shop.EVENTS}")
        assert owner.value(f"select n = (select count(*) from {shop.EVENTS}) from {shop.PROFILE}") is True
        with pytest.raises(CommandError, match="tables are still attached"):
            migrate.downgrade(dsn, "core@base")
        shop.detach(owner)
        migrate.downgrade(dsn, "core@base")
        owner.run(f"{_KEYS} select max(id) + 1, 1 from {shop.EVENTS}")
        migrate.upgrade(dsn, "core@head")
        database.session().run(f'grant pgscore_reader to {shop.OWNER}; grant usage on schema "Shop" to pgscore_owner')
    database.close()


@pytest.fixture(scope="module")
def dumped() -> Iterator[str]:
    """What Debian's pg_dump, which refuses newer servers, writes of its own server, in use."""
    with PrivateCluster() as cluster:
        database = Database(cluster, "postgres")
        session = database.session()
        session.run(f"create role {DBA}; create role {SCIENTIST}; create role {OPERATOR}")
        migrate.upgrade(database.dsn(), "core@head")
        shop.build(session)
        pgscore.publish(database.dsn(), "shop", shop.model(), profile=shop.PROFILE, golden=GOLDEN, promoted=True)
        shop.attach(session)
        session.run(f"insert into {shop.PROFILE} (id) select generate_series(1, 5)")
        session.run(f"{_KEYS} select i, i % 5 + 1 from generate_series(1, 20) i")
        shop.assert_right(session)
        yield migrate.dump(database.dsn())
        database.close()


def test_a_dump_of_postgresql_15_goes_on_here(cluster: PrivateCluster, managed: Database, dumped: str) -> None:
    """As when a server is upgraded; and back."""
    restored = make_database(cluster, "restored", DBA)
    migrate.psql(restored.dsn(), script=dumped)
    clerk, owner = restored.session(shop.CLERK), restored.session(shop.OWNER)
    assert shop.assert_right(owner) == 5
    clerk.run(f"{_KEYS} select i, i % 5 + 1 from generate_series(21, 30) i")
    owner.run(f'update {shop.EVENTS} set "Customer Id" = 2 where id < 10; delete from {shop.EVENTS} where id > 25')
    shop.assert_right(owner)
    shop.reattach(owner)
    owner.run(f"truncate {shop.EVENTS}")
    shop.assert_right(owner)
    restored.close()
