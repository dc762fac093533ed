"""The strongest reasons stand beside each score, wherever the score was stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pgscore
import pytest
from sklearn.ensemble import RandomForestClassifier

from tests.bindings import shop
from tests.support import migrate
from tests.support.database import Database, refused

from .rescored import CALL, GOLDEN, JOB, load, promote

if TYPE_CHECKING:
    from examples.server.cluster import PrivateCluster
    from tests.support.database import Session

_TOP = 2
_WRONG = f"""
    with explained as (
        select c.id, c.why, c."Score", (
            select jsonb_agg(to_jsonb(e) - 'place' order by e.place) from (
                select e.input, e.value, e.contribution, row_number() over (order by abs(e.contribution) desc) as place
                from pgscore.explain('shop', c, c."Version") e where e.input is not null and e.contribution <> 0
            ) e where e.place <= {_TOP}
        ) as wanted
        from {shop.PROFILE} c
    )
    select x.* from explained x where {{found}} is distinct from {{wanted}} or (x.why is null) <> (x."Score" is null)
"""
_NAMES = "(select array_agg(r ->> 'input' order by o) from jsonb_array_elements(x.wanted) with ordinality u (r, o))"


def _attach(session: Session, kind: str = "jsonb", **options: str) -> None:
    shop.run_as_owner(session, f"alter table {shop.PROFILE} add column why {kind}")
    named = {"reasons": "why", "top": str(_TOP), **options}
    shop.attach(session, reducers=shop.REDUCERS, composite=False, **named)


def _assert_explained(session: Session, kind: str = "jsonb") -> int:
    """Each row has the reasons of its score, and none where it has no score; how many rows there are with a score."""
    wanted = "x.wanted" if kind == "jsonb" else _NAMES
    assert session.run(_WRONG.format(found="x.why", wanted=wanted)) == []
    return int(session.value(f'select count("Score") from {shop.PROFILE}'))


def _order(session: Session, first: int, events: int, customers: int) -> None:
    session.run(
        f'insert into {shop.EVENTS} (id, "Customer Id", amount)'
        " select i, 1 + i %% %s, i %% 5 from generate_series(%s, %s) i",
        customers,
        first,
        first + events - 1,
    )


@pytest.mark.parametrize("timing", ["commit", "statement"])
@pytest.mark.parametrize("kind", ["jsonb", "text[]"])
def test_reasons_are_stored_with_the_score(shopping: Database, kind: str, timing: str) -> None:
    root = shopping.session()
    load(root, 20)
    _order(root, 1, 30, 7)
    _attach(root, kind, timing=timing)
    # By the backfill, by single rows, by many.
    assert _assert_explained(root, kind) == 20
    _order(root, 1000, 1, 1)
    load(root, 5, first=100)
    root.run(f'update {shop.PROFILE} set "Age" = 33 where id = 3')
    _order(root, 2000, 60, 20)
    assert _assert_explained(root, kind) == 25
    promote(root, 2)
    root.run(f'update {shop.PROFILE} set "Age" = 34 where id = 3')
    assert _assert_explained(root, kind) == 25
    shopping.session(shop.OWNER).run(CALL)
    assert root.row(JOB)[2:4] == (24, 24)
    assert _assert_explained(root, kind) == 25
    # A second time nothing differs.
    shopping.session(shop.OWNER).run(f"call pgscore.rescore('shop', '{shop.PROFILE}', whole => true)")
    assert root.row(JOB)[2:4] == (25, 0)


def test_rows_without_a_score_have_no_reasons(shopping: Database) -> None:
    root = shopping.session()
    root.run("update pgscore.model set serving = null, one_engine = null, many_engine = null")
    root.run("select pgscore._regenerate_models()")
    _attach(root)
    load(root, 3)
    assert root.run(f"select distinct why from {shop.PROFILE}") == [(None,)]
    promote(root, 1)
    shopping.session(shop.OWNER).run(CALL)
    assert _assert_explained(root) == 3
    # What is refused keeps what it had: score and reasons belong together.
    before = root.row(f'select "Score", why from {shop.PROFILE} where id = 2')
    root.run(f"update {shop.PROFILE} set \"Total\" = 'infinity' where id = 2")
    assert root.value("select count(*) from pgscore.stale_row") == 1
    assert root.row(f'select "Score", why from {shop.PROFILE} where id = 2') == before


def test_an_engine_that_takes_arrays_stores_reasons_too(shopping: Database) -> None:
    root = shopping.session()
    _attach(root)
    load(root, 30)
    promote(root, 2)
    # As if it were so: what scores is another matter.
    root.run("update pgscore.model set many_engine = 'estimator' where name = 'shop'")
    shopping.session(shop.OWNER).run(CALL)
    assert root.row(JOB)[2:4] == (30, 30)
    assert _assert_explained(root) == 30


def test_trees_store_reasons(shopping: Database) -> None:
    root = shopping.session()
    _attach(root)
    load(root, 12)
    frame = GOLDEN.iloc[[0, 1] * 20].reset_index(drop=True)
    frame += np.random.default_rng(0).integers(0, 9, frame.shape)
    model = RandomForestClassifier(n_estimators=3, random_state=0).fit(frame, [0, 1] * 20)
    pgscore.publish(shopping.dsn(), "shop", model, profile=shop.PROFILE, golden=GOLDEN)
    promote(root, 3)
    shopping.session(shop.OWNER).run(CALL)
    _order(root, 1, 40, 12)
    assert _assert_explained(root) == 12


def test_attached_again_reasons_come_change_and_go(shopping: Database) -> None:
    root = shopping.session()
    shop.run_as_owner(root, f"alter table {shop.PROFILE} add column why jsonb, add column names text[]")
    shop.attach(root)
    plain = root.run("select proname, prosrc from pg_proc where pronamespace = '\"Shop\"'::regnamespace order by 1")
    load(root, 4)
    shop.attach(root, reasons="why", top=str(_TOP))
    owner = shopping.session(shop.OWNER)
    owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', whole => true)")
    assert root.row(JOB)[2:4] == (4, 4)
    assert _assert_explained(root) == 4
    shop.run_as_owner(root, f"alter table {shop.PROFILE} rename column why to because")
    shop.reattach(root)
    _order(root, 1, 1, 1)
    assert root.value("select reasons from pgscore.binding where model = 'shop'") == "because"
    shop.run_as_owner(root, f"alter table {shop.PROFILE} rename column because to why")
    shop.reattach(root)
    assert root.row("select reasons, top from pgscore.binding where model = 'shop'") == ("why", _TOP)
    doctor = "from pgscore.binding b where b.model = 'shop'"
    named = root.run(
        f"select c.name, c.type from (select b {doctor}) x, pgscore._doctor_columns(x.b) c where c.type <> ''"
    )
    assert ("why", "jsonb") in named
    assert "reasons => 'why', top => 2)" in root.value(f"select pgscore._doctor_attach_sql(b, 'e', 'p') {doctor}")
    assert _assert_explained(root) == 4
    shop.attach(root, reasons="names")
    owner.run(f"call pgscore.rescore('shop', '{shop.PROFILE}', whole => true)")
    assert root.value(f"select names from {shop.PROFILE} where id = 3")[0] in shop.INPUTS
    shop.attach(root)
    assert root.run("select proname, prosrc from pg_proc where pronamespace = '\"Shop\"'::regnamespace order by 1") == [
        *plain
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reasons": "no such"}, f'table {shop.PROFILE} has no column "no such"; run: alter table'),
        (
            {"reasons": "note"},
            f'column "note" of table {shop.PROFILE} must be jsonb or text[], nullable and not generated',
        ),
        ({"top": "0"}, "top is a positive number of inputs, not 0"),
    ],
)
def test_columns_that_cannot_hold_reasons_are_refused(
    shopping: Database, options: dict[str, str], message: str
) -> None:
    root = shopping.session()
    with refused("22023", message):
        _attach(root, **options)
    assert root.run("select * from pgscore.binding where model = 'shop'") == []


def test_a_model_that_cannot_be_explained_is_refused(shopping: Database) -> None:
    root = shopping.session()
    _attach(root)
    load(root, 2)
    # The same by another program, behind a link of its own.
    root.run(
        """
        set session_replication_role = replica;
        update pgscore.program set program = program || jsonb_build_object(
            'steps', program -> 'steps'
                || jsonb_build_object('step', 'link', 'of', program -> 'scores', 'link', 'identity'),
            'scores', jsonb_build_array((program #>> '{scores,0}')::integer + 1)
        ) where (model, version) = ('shop', 2);
        update pgscore.program set digest = encode(sha256(convert_to(program::text, 'UTF8')), 'hex');
        drop function pgscore_models."_shop 2r";
        reset session_replication_role
        """
    )
    because = 'model "shop" version 2 cannot be explained: steps[1], a link step, makes one number of several inputs'
    with refused("0A000", f'{because}, and reasons are stored in table "Shop"."Customer"'):
        promote(root, 2)
    assert root.value("select serving from pgscore.model where name = 'shop'") == 1
    shop.detach(root)
    promote(root, 2)
    with refused("0A000", because):
        shop.attach(root, reasons="why")
    assert root.run("select * from pgscore.binding where model = 'shop'") == []
    # Without reasons it is taken.
    shop.attach(root)


def test_a_restored_database_goes_on_to_store_reasons(shopping: Database, cluster: PrivateCluster) -> None:
    root = shopping.session()
    _attach(root)
    load(root, 3)
    copied = Database(cluster, f"{shopping.name}_copied")
    root.run(f"create database {copied.name}")
    try:
        migrate.psql(copied.dsn(), script=migrate.dump(shopping.dsn()))
        session = copied.session()
        _order(session, 1, 1, 1)
        _order(session, 100, 9, 3)
        assert _assert_explained(session) == 3
    finally:
        copied.close()
        root.run(f"drop database {copied.name}")
