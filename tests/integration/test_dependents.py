"""What holds scores: a promotion would make it wrong, and is refused; nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pgscore
import pytest
from pgscore.doctor import examine
from sklearn.linear_model import LogisticRegression

from tests.support.command import run as command
from tests.support.command import run_json
from tests.support.database import ANALYST, OPERATOR, refused

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_TABLES = """
    create schema shop;
    grant usage on schema shop to pgscore_owner, test_analyst;
    create table shop.customer (id integer primary key, age integer, paid bigint, payload jsonb);
    insert into shop.customer
    select i, 20 + i, i, jsonb_build_object('age', 20 + i, 'paid', i) from generate_series(1, 30) i;
    grant select on shop.customer to test_analyst;
"""
# What is made, and how it is listed: model, kind, object, table. None: it is not to be told which model.
_HOLDS = {
    "create index plain on shop.customer (pgscore.score('risk', customer))": ("risk", "index", "shop.plain"),
    "create index of_json on shop.customer (id, pgscore.score('risk', payload))": ("risk", "index", "shop.of_json"),
    "create index part on shop.customer (id) where pgscore.score('risk', customer) > 0.5": (
        "risk",
        "index",
        "shop.part",
    ),
    "create index named on shop.customer (pgscore.score(model => 'risk', profile => customer))": (
        *("risk", "index", "shop.named"),
    ),
    "create index direct on shop.customer (pgscore_models.risk(customer))": ("risk", "index", "shop.direct"),
    """create function shop.wrapped(c shop.customer) returns float8 language sql immutable
           as $$ select pgscore.score('risk', c) $$;
       create function shop.twice(c shop.customer) returns float8 language sql immutable
           as $$ select 2 * shop.wrapped(c) $$;
       create index twice on shop.customer (shop.twice(customer))""": ("risk", "index", "shop.twice"),
    """create function shop.any_of(model text, c shop.customer) returns float8 language sql immutable
           as $$ select pgscore.score(model, c) $$;
       create index any_of on shop.customer (shop.any_of('other', customer))""": (None, "index", "shop.any_of"),
    """create function shop.standard(age integer, paid bigint) returns float8 language sql immutable
           return pgscore.score('risk', jsonb_build_object('age', age, 'paid', paid));
       create table shop.parted (age integer, paid bigint) partition by range (shop.standard(age, paid))""": (
        *("risk", "partition key", "shop.parted"),
    ),
    """create table shop.generated (payload jsonb,
           score float8 generated always as (pgscore.score('risk', payload)) stored)""": (
        *("risk", "generated column", "score"),
    ),
    "alter table shop.customer add constraint low check (pgscore.score('risk', customer) < 2)": (
        *("risk", "check constraint", "low"),
    ),
    "create domain shop.harmless as jsonb constraint low check (pgscore.score('risk', value) < 2)": (
        *("risk", "constraint of a domain", "low of shop.harmless"),
    ),
    """create table shop.apart (payload jsonb,
           constraint no_two exclude using btree ((pgscore.score('risk', payload)) with =))""": (
        *("risk", "exclusion constraint", "no_two"),
    ),
    """create view shop.scored as select c.id, pgscore.score('risk', c) as score from shop.customer c;
       create view shop.ranked as select * from shop.scored order by score;
       create materialized view shop.stored as select * from shop.ranked""": (
        *("risk", "materialized view", "shop.stored"),
    ),
    "create materialized view shop.of_rows as select * from pgscore.score_rows('risk', 'shop.customer')": (
        *("risk", "materialized view", "shop.of_rows"),
    ),
    """create function shop.highest() returns float8 language sql stable as $$ select max(score) from shop.ranked $$;
       create materialized view shop.highest_stored as select shop.highest()""": (
        *("risk", "materialized view", "shop.highest_stored"),
    ),
    """create operator shop.### (leftarg = text, rightarg = shop.customer, function = shop.any_of);
       create index operated on shop.customer (('risk' operator(shop.###) customer))""": (
        *(None, "index", "shop.operated"),
    ),
}
# Evaluated when they are asked, or of one version, or of another model.
_HOLDS_NOT = """
    create index pinned on shop.customer (pgscore_models."_risk 1"(age::float8, paid::float8));
    create index other on shop.customer (pgscore.score('other', customer));
    create view shop.asked as select pgscore.predict('risk', c) from shop.customer c;
    create table shop.defaulted (score float8 default pgscore.score('risk', '{"age": 30, "paid": 3}'::jsonb));
    create statistics shop.estimated on (pgscore.score('risk', payload)), age from shop.customer;
    create temporary table passing (payload jsonb);
    create index on passing (pgscore.score('risk', payload))
"""


@pytest.fixture
def shop(installed: Database) -> Session:
    """A superuser's session where two models score a table: version 1 of each answers, and version 2 is there."""
    session = installed.session()
    session.run(_TABLES)
    frame = pd.DataFrame({"age": np.arange(60) % 50 + 20.0, "paid": (np.arange(60) % 6).astype(float)})
    labels = (frame["paid"] > 2).astype(int)
    for model in ("risk", "other"):
        for strength in (1.0, 0.01):
            fitted = LogisticRegression(C=strength, max_iter=500).fit(frame, labels)
            first = strength == 1.0
            pgscore.publish(installed.dsn(), model, fitted, profile="shop.customer", golden=frame, promoted=first)
        session.run("select pgscore.promote(%s, 1, 'sql')", model)
    return session


def test_a_promotion_names_what_it_would_make_wrong_and_is_refused(installed: Database, shop: Session) -> None:
    operator = installed.session(OPERATOR)
    # How a session reads strings changes nothing.
    operator.run("set standard_conforming_strings = off")
    assert pgscore.dependents(installed.dsn()) == []
    for statement in _HOLDS:
        shop.run(statement)
    shop.run(_HOLDS_NOT)
    found = pgscore.dependents(installed.dsn(OPERATOR), "risk")
    assert {(each.model, each.kind, each.object) for each in found} == set(_HOLDS.values())
    assert [each.object for each in pgscore.dependents(installed.dsn(), "other") if each.model] == ["shop.other"]
    with pytest.raises(pgscore.DependentsError) as refusal:
        pgscore.promote(installed.dsn(OPERATOR), "risk", 2)
    assert [name for _, kind, name in _HOLDS.values() if f"{kind} {name}" not in str(refusal.value)] == []
    warned = [each.subject for each in examine(installed.dsn()) if "promotions are refused" in each.sentence]
    assert set(warned) == {name for _, _, name in _HOLDS.values()} | {"shop.other"}

    # The same version with the same engines changes nothing; another engine may differ in the last digit.
    operator.run("select pgscore.promote('risk', 1, 'sql')")
    with refused("2BP01", "risk", hint="pgscore.promote('risk', 1, 'interpreter', despite_dependents => true)"):
        operator.run("select pgscore.promote('risk', 1, 'interpreter')")
    with pytest.raises(pgscore.DependentsError, match=r"shop\.other of shop\.customer"):
        pgscore.promote(installed.dsn(OPERATOR), "other", 2)
    assert shop.run("select name, serving from pgscore.model where name <> 'churn' order by 1") == [
        ("other", 1),
        ("risk", 1),
    ]
    # Nobody can have it evaluate what is theirs, nor is anybody waited for.
    holder = installed.session()
    holder.run("begin; lock table shop.customer in access exclusive mode")
    with refused("2BP01", "shop.plain", hint="despite_dependents => true"):
        operator.run("select pgscore.promote('risk', 2)")
    holder.run("rollback")


def test_despite_dependents_an_operator_promotes_and_mends_in_one_transaction(
    installed: Database, shop: Session
) -> None:
    # Anybody who may score can make such an index: it stands in no operator's way.
    analyst = installed.session(ANALYST)
    shop.run("grant create on schema shop to test_analyst")
    analyst.run("create table shop.theirs as select * from shop.customer")
    analyst.run("create index on shop.theirs (pgscore.score('risk', payload))")
    shop.run("create index plain on shop.customer (pgscore.score('risk', customer))")
    shop.run(
        "create materialized view shop.stored as select id, pgscore.score('risk', c) as score from shop.customer c"
    )
    shop.run(
        "create table shop.made (payload jsonb, s float8 generated always as (pgscore.score('risk', payload)) stored)"
    )
    shop.run("insert into shop.made select payload from shop.customer")
    refusal = command(installed.dsn(OPERATOR), "promote", "risk", "2", expect=1).stderr
    assert "index shop.theirs_score_idx of shop.theirs" in refusal
    assert "--despite-dependents" in refusal

    shop.run("begin")
    # This session has planned the index's expression, which REINDEX would take again.
    shop.run("insert into shop.customer select i, 20 + i, i % 7 from generate_series(31, 40) i")
    shop.run("select pgscore.promote('risk', 2, despite_dependents => true)")
    for kind, remedy in shop.run("select kind, remedy from pgscore._score_dependents('risk')"):
        shop.run(remedy)
        if remedy == "drop index shop.plain":
            assert kind == "index"
            shop.run("create index plain on shop.customer (pgscore.score('risk', customer))")
    shop.run("commit")
    shop.run("set enable_seqscan = off")
    middle = shop.value(
        "select percentile_disc(0.5) within group (order by pgscore.score('risk', c)) from shop.customer c"
    )
    asked = "select array_agg(id order by id) from shop.customer c where pgscore.score('risk', c) {} %s"
    assert "plain" in str(shop.run(f"explain {asked}".format(">"), middle))
    by_index = shop.value(asked.format(">"), middle)
    shop.run("set enable_seqscan = on; set enable_indexscan = off; set enable_bitmapscan = off")
    assert by_index == shop.value(asked.format(">"), middle)
    assert (
        shop.value(
            "select count(*) from shop.stored s join shop.customer c using (id)"
            " where s.score is distinct from pgscore.score('risk', c)"
        )
        == 0
    )
    assert shop.value("select count(*) from shop.made where s is distinct from pgscore.score('risk', payload)") == 0

    with refused("2BP01", "shop.plain", hint="select pgscore.rollback('risk', despite_dependents => true)"):
        installed.session(OPERATOR).run("select pgscore.rollback('risk')")
    done = run_json(installed.dsn(OPERATOR), "rollback", "risk", "--despite-dependents")
    assert (done["version"], done["before"], done["late"]) == (1, 2, [])
    assert {each["kind"] for each in done["dependents"]} == {"index", "materialized view", "generated column"}
