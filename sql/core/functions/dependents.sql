-- What holds a score. PostgreSQL inlines a score to an immutable expression, and so lets it into indexes and the like.
-- What is stored there is of the version that answered, and a promotion makes it wrong. This reads the catalog, and
-- evaluates nothing of anybody's. Expressions are looked at as PostgreSQL keeps them: to have them written out would
-- lock tables.

create function pgscore._answers() returns table (called oid, model text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Functions of one version, "churn 7" and its kind, stay what they are.
    select p.oid, split_part(p.proname, ' ', 1)
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('pgscore_models') and split_part(p.proname, ' ', 2) !~ '^[0-9]'
    union all
    select p.oid, null
    from pg_catalog.pg_proc p
    where p.pronamespace = 'pgscore'::regnamespace
        and p.proname in (
            'score', 'predict', 'score_rows', '_scored', '_score_row', '_score_rows', '_rescore', '_late_score',
            '_late_rows', '_late_rescore'
        )
$$;

comment on function pgscore._answers() is
    'The functions that answer with the version that is promoted; model: whose, NULL where their first argument names it';

create function pgscore._stored_expression(class oid, object oid, part integer) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select i.indexprs::text || coalesce(i.indpred::text, '') from pg_catalog.pg_index i
    where class = 'pg_class'::regclass and i.indexrelid = object and i.indexprs is not null
    union all
    select i.indpred::text from pg_catalog.pg_index i
    where class = 'pg_class'::regclass and i.indexrelid = object and i.indexprs is null
    union all
    select t.partexprs::text from pg_catalog.pg_partitioned_table t
    where class = 'pg_class'::regclass and part = 0 and t.partrelid = object
    union all
    select d.adbin::text from pg_catalog.pg_attrdef d
    where class = 'pg_class'::regclass and part > 0 and d.adrelid = object and d.adnum = part
    union all
    select d.adbin::text from pg_catalog.pg_attrdef d where class = 'pg_attrdef'::regclass and d.oid = object
    union all
    select c.conbin::text from pg_catalog.pg_constraint c where class = 'pg_constraint'::regclass and c.oid = object
    union all
    select r.ev_action::text from pg_catalog.pg_rewrite r where class = 'pg_rewrite'::regclass and r.oid = object
    union all
    select p.prosqlbody::text from pg_catalog.pg_proc p where class = 'pg_proc'::regclass and p.oid = object
    union all
    select e.stxexprs::text from pg_catalog.pg_statistic_ext e
    where class = 'pg_statistic_ext'::regclass and e.oid = object
$$;

comment on function pgscore._stored_expression(oid, oid, integer) is
    'The expression of an object that has one, as the catalog keeps it: a tree of nodes';

create function pgscore._constant_models(expression text, called oid) returns setof text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- A text is kept as its bytes, behind four of its length.
    select distinct (
        select string_agg(chr(b.byte::integer), '' order by b.position)
        from regexp_split_to_table(rtrim(c.call[1]), ' ') with ordinality as b (byte, position)
        where b.position > 4 and b.byte ~ '^[0-9]+$' and b.byte <> '0'
    )
    from (
        select regexp_matches(
            expression,
            format(E':funcid %s [^{}]*:args \\(', called)
                || E'(?:(?:\\{(?:NAMEDARGEXPR|RELABELTYPE|COLLATEEXPR) :arg )*'
                || E'\\{CONST [^{}]*:constvalue \\d+ \\[ ([-0-9 ]*)\\])?',
            'g'
        )
        union all
        select array[null] where expression is null or expression !~ format(':funcid %s ', called)
    ) c (call)
$$;

comment on function pgscore._constant_models(text, oid) is
    'The first arguments with which a stored expression calls a function; NULL for one that is not to be told';

create function pgscore._written_models(body text, path text) returns setof text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select distinct f.found[1]
    from (
        select regexp_matches(
            body,
            case when path ~ 'pgscore' then E'(?:pgscore\\s*\\.\\s*|\\m)' else E'pgscore"?\\s*\\.\\s*' end
                || E'"?(?:score|predict|score_rows|_scored|_score_rows?|_rescore)"?\\s*\\('
                || E'(?:\\s*(?:model\\s*(?:=>|:=)\\s*)?''([a-z_][a-z0-9_]*)''(?:\\s*::\\s*text)?\\s*,)?',
            'gi'
        )
        union all
        select array[split_part(coalesce(m.found[1], m.found[2]), ' ', 1)]
        from regexp_matches(body, E'pgscore_models"?\\s*\\.\\s*(?:"([^"]+)"|([a-z_][a-z0-9_]*))', 'gi') as m (found)
        where split_part(coalesce(m.found[1], m.found[2]), ' ', 2) !~ '^[0-9]'
    ) f (found)
$$;

comment on function pgscore._written_models(text, text) is
    'The models whose scores a function''s text asks for, as far as that can be read; NULL for one that is no literal';

create function pgscore._is_written(body text, space name, called name, is_function boolean) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select strpos(body, called) > 0 and body ~* (
        '(?:^|[^.[:alnum:]_$])(?:"?' || regexp_replace(space, '([^[:alnum:]_])', E'\\\\\\1', 'g') || E'"?\\s*\\.\\s*)?'
        || '"?' || regexp_replace(called, '([^[:alnum:]_])', E'\\\\\\1', 'g') || '"?'
        || case when is_function then E'\\s*\\(' else '(?![[:alnum:]_$])' end
    )
$$;

comment on function pgscore._is_written(text, name, name, boolean) is
    'Whether the text of a function calls another one, or names a view, as far as that can be read';

create function pgscore._holders() returns table (class oid, object oid, part integer, model text)
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
    with recursive texts as materialized (
        -- Functions whose body is a text: PostgreSQL does not note what they depend on.
        select p.oid, p.prosrc, array_to_string(p.proconfig, ' ') as settings
        from pg_catalog.pg_proc p
        join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname not in ('c', 'internal')
        where p.oid >= 16384 and p.prosqlbody is null and p.prokind = 'f'
            and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
            and p.pronamespace not in (
                select n.oid from pg_catalog.pg_namespace n
                where n.nspname in ('pgscore', 'pgscore_models', 'pgscore_trusted')
            )
    ),
    held (class, object, part, model) as (
        select d.classid, d.objid, d.objsubid, m.model
        from pgscore._answers() a
        join pg_catalog.pg_depend d on d.refclassid = 'pg_proc'::regclass and d.refobjid = a.called
        cross join lateral (
            select a.model where a.model is not null
            union all
            select c.model
            from pgscore._stored_expression(d.classid, d.objid, d.objsubid) e (expression),
                pgscore._constant_models(e.expression, a.called) c (model)
            where a.model is null
            union all
            select null where a.model is null and not exists (
                select from pgscore._stored_expression(d.classid, d.objid, d.objsubid)
            )
        ) m
        union
        select 'pg_proc'::regclass, t.oid, 0, w.model
        from texts t, pgscore._written_models(t.prosrc, t.settings) w (model)
        where strpos(t.prosrc, 'pgscore') > 0 or t.settings ~ 'pgscore'
        union
        -- What has to do with that: by way of functions, operators and views.
        select n.class, n.object, n.part, h.model
        from held h
        cross join lateral (
            select d.classid, d.objid, d.objsubid
            from pg_catalog.pg_depend d
            where h.class in ('pg_proc'::regclass, 'pg_operator'::regclass)
                and d.refclassid = h.class and d.refobjid = h.object
            union all
            select 'pg_class'::regclass, r.ev_class, 0
            from pg_catalog.pg_rewrite r
            where h.class = 'pg_rewrite'::regclass and r.oid = h.object and r.ev_type = '1'
            union all
            select d.classid, d.objid, 0
            from pg_catalog.pg_depend d
            join pg_catalog.pg_class c on c.oid = h.object and c.relkind in ('v', 'm')
            where h.class = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = h.object
                and d.classid in ('pg_rewrite'::regclass, 'pg_proc'::regclass)
            union all
            select 'pg_proc'::regclass, t.oid, 0
            from pg_catalog.pg_proc f
            join pg_catalog.pg_namespace s on s.oid = f.pronamespace
            join texts t on t.oid <> f.oid and pgscore._is_written(t.prosrc, s.nspname, f.proname, true)
            where h.class = 'pg_proc'::regclass and f.oid = h.object
            union all
            select 'pg_proc'::regclass, t.oid, 0
            from pg_catalog.pg_class f
            join pg_catalog.pg_namespace s on s.oid = f.relnamespace
            join texts t on pgscore._is_written(t.prosrc, s.nspname, f.relname, false)
            where h.class = 'pg_class'::regclass and f.oid = h.object and f.relkind in ('v', 'm')
        ) n (class, object, part)
    )
    select h.class, h.object, h.part, h.model from held h
$$;

comment on function pgscore._holders() is
    'All that a score of a model has to do with, by number in the catalog; model: NULL where it is not to be told which';

create function pgscore._score_dependents(model text default null)
returns table (model text, kind text, object text, on_table text, remedy text, is_wrong boolean)
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
    with found as (
        select h.* from pgscore._holders() h
        where h.model = _score_dependents.model or h.model is null or _score_dependents.model is null
    ),
    objects (model, kind, object, relation, remedy, is_wrong) as (
        select
            f.model, case when x.oid is null then 'index' else 'exclusion constraint' end,
            case when x.oid is null then i.indexrelid::regclass::text else quote_ident(x.conname) end, i.indrelid,
            case when x.oid is null then format('drop index %s', i.indexrelid::regclass)
                else format('alter table %s drop constraint %I', i.indrelid::regclass, x.conname) end, true
        from found f
        join pg_catalog.pg_index i on f.class = 'pg_class'::regclass and i.indexrelid = f.object
        -- Those of partitions go with that of the parent.
        join pg_catalog.pg_class c on c.oid = i.indexrelid and not c.relispartition
        left join pg_catalog.pg_constraint x on x.conindid = i.indexrelid and x.contype = 'x'
        union all
        select
            f.model, 'generated column', quote_ident(a.attname), a.attrelid,
            (
                -- By what it is computed of: PostgreSQL computes it again only where that is set.
                select format('update %s set %2$I = %2$I', a.attrelid::regclass, o.attname)
                from pg_catalog.pg_depend d
                join pg_catalog.pg_attribute o on o.attrelid = d.refobjid and o.attnum = d.refobjsubid
                where d.refclassid = 'pg_class'::regclass and d.refobjid = a.attrelid
                    and d.refobjsubid not in (0, a.attnum)
                    and (
                        (d.classid, d.objid, d.objsubid) = ('pg_class'::regclass, a.attrelid, a.attnum)
                        or (d.classid, d.objid) = ('pg_attrdef'::regclass, e.oid)
                    )
                order by o.attnum limit 1
            ), true
        from found f
        join pg_catalog.pg_attrdef e on f.class = 'pg_attrdef'::regclass and e.oid = f.object
            or f.class = 'pg_class'::regclass and e.adrelid = f.object and e.adnum = f.part
        join pg_catalog.pg_attribute a
            on a.attrelid = e.adrelid and a.attnum = e.adnum and a.attgenerated = 's' and a.attislocal
        union all
        select
            f.model, 'check constraint', quote_ident(x.conname), x.conrelid,
            format('alter table %s drop constraint %I', x.conrelid::regclass, x.conname), true
        from found f
        join pg_catalog.pg_constraint x on f.class = 'pg_constraint'::regclass and x.oid = f.object and x.contype = 'c'
        where x.conrelid <> 0 and x.conislocal
        union all
        select
            f.model, 'constraint of a domain', format('%I of %s', x.conname, x.contypid::regtype), null,
            format('alter domain %s drop constraint %I', x.contypid::regtype, x.conname), true
        from found f
        join pg_catalog.pg_constraint x on f.class = 'pg_constraint'::regclass and x.oid = f.object and x.contypid <> 0
        union all
        select f.model, 'partition key', c.oid::regclass::text, c.oid, null, true
        from found f
        join pg_catalog.pg_partitioned_table t
            on f.class = 'pg_class'::regclass and f.part = 0 and t.partrelid = f.object
        join pg_catalog.pg_class c on c.oid = t.partrelid
        union all
        select
            f.model, 'materialized view', c.oid::regclass::text, c.oid,
            format('refresh materialized view %s', c.oid::regclass), true
        from found f
        join pg_catalog.pg_class c on f.class = 'pg_class'::regclass and c.oid = f.object and c.relkind = 'm'
        union all
        -- They are estimates, and follow by themselves.
        select
            f.model, 'statistics', format('%I.%I', n.nspname, e.stxname), e.stxrelid,
            format('analyze %s', e.stxrelid::regclass), false
        from found f
        join pg_catalog.pg_statistic_ext e on f.class = 'pg_statistic_ext'::regclass and e.oid = f.object
        join pg_catalog.pg_namespace n on n.oid = e.stxnamespace
    )
    select distinct o.model, o.kind, o.object, o.relation::regclass::text, o.remedy, o.is_wrong
    from objects o
    left join pg_catalog.pg_class c on c.oid = o.relation
    where c.relpersistence is distinct from 't'
    order by 2, 4, 3, 1
$$;

comment on function pgscore._score_dependents(text) is
    'Objects that hold scores of a model, or of any: indexes, generated columns, constraints, partition keys, materialized views; model: NULL where it is not to be told which; remedy: what mends it after a promotion, or drops it, to be made anew; is_wrong: whether a promotion makes it wrong';
grant execute on function
    pgscore._answers(), pgscore._stored_expression(oid, oid, integer), pgscore._constant_models(text, oid),
    pgscore._written_models(text, text), pgscore._is_written(text, name, name, boolean), pgscore._holders(),
    pgscore._score_dependents(text)
    to pgscore_reader;

create function pgscore._refuse_dependents(model text, version integer, call text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant integer := 20;
    found record;
begin
    select
        count(*) as many,
        string_agg(d.says, ', ' order by d.position) filter (where d.position <= most) as named,
        string_agg(d.remedy, '; ' order by d.position) filter (where d.position <= most) as mended
    into found
    from (
        select o.says, o.remedy, row_number() over (order by o.says) as position
        from (
            select distinct
                concat_ws(' of ', o.kind || ' ' || o.object, nullif(o.on_table, o.object)) as says,
                o.remedy
            from pgscore._score_dependents(model) o
            where o.is_wrong
        ) o
    ) d;
    if found.many > 0 then
        if found.many > most then
            found.named := format('%s and %s more', found.named, found.many - most);
        end if;
        raise exception 'model "%" version % is not promoted: what holds scores of the version before would be wrong: %',
            model, version, found.named
            using errcode = 'dependent_objects_still_exist',
                  hint = format(
                      'Drop them, and make them anew afterwards. Or promote all the same, by %s or --despite-dependents', call
                  ) || case
                      when found.mended is null then '.'
                      else format(
                          ', and then, in the same transaction: %s; and make anew what that drops. REINDEX is not enough.',
                          found.mended
                      )
                  end;
    end if;
end
$$;

comment on function pgscore._refuse_dependents(text, integer, text) is
    'Refuses a promotion where indexes and the like hold scores of the version that answers; names them, and the call that promotes all the same';
