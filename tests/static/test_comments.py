"""Every object of pgscore's has a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Session

_SCHEMAS = "('pgscore', 'pgscore_models', 'pgscore_trusted')"
_COMMENTS = f"""
    select d.kind || ' ' || d.name
    from (
        select 'schema' as kind, n.oid, 'pg_namespace'::regclass as class, 0 as part, n.nspname::text as name
        from pg_namespace n where n.nspname in {_SCHEMAS}
        union all
        select 'relation', c.oid, 'pg_class'::regclass, 0, c.oid::regclass::text
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in {_SCHEMAS} and c.relkind in ('r', 'p', 'v', 'm')
        union all
        select 'column', a.attrelid, 'pg_class'::regclass, a.attnum, a.attrelid::regclass || '.' || a.attname
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in {_SCHEMAS} and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
            and not c.relispartition
        union all
        select 'function', p.oid, 'pg_proc'::regclass, 0, p.oid::regprocedure::text
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in {_SCHEMAS}
        union all
        select 'type', t.oid, 'pg_type'::regclass, 0, t.oid::regtype::text
        from pg_type t join pg_namespace n on n.oid = t.typnamespace
        left join pg_class c on c.oid = t.typrelid
        where n.nspname in {_SCHEMAS} and t.typelem = 0 and (c.relkind = 'c' or t.typtype in ('d', 'e'))
        union all
        select 'trigger', g.oid, 'pg_trigger'::regclass, 0, g.tgname || ' on ' || g.tgrelid::regclass
        from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in {_SCHEMAS} and not g.tgisinternal
    ) d
    where not exists (
        select from pg_description c where c.objoid = d.oid and c.classoid = d.class and c.objsubid = d.part
    )
    order by 1
"""


def _bare(session: Session) -> list[str]:
    return [text for (text,) in session.run(_COMMENTS)]


@pytest.fixture
def undone(shared_session: Session) -> Iterator[Session]:
    shared_session.run("begin")
    yield shared_session
    shared_session.run("rollback")


def test_every_object_has_a_comment(shared_session: Session) -> None:
    assert _bare(shared_session) == []


def test_the_search_for_comments_finds_what_has_none(undone: Session) -> None:
    undone.run("create table pgscore.bare (a integer)")
    undone.run("create function pgscore.bare() returns void language sql as ''")
    assert _bare(undone) == ["column pgscore.bare.a", "function pgscore.bare()", "relation pgscore.bare"]
