create function pgscore._profile_statements(b pgscore.binding) returns table (role regrole, statement text)
language plpgsql stable
set search_path = ''
as $$
declare
    at_once constant text := (
        select case when bool_or(o.timing = 'statement') then ' perform pgscore._apply_statement();' else '' end
        from pgscore._bindings_of(b.profile) o
    );
    named constant text[] := array[
        pgscore._generated_name(b.profile, b.profile_number, 'apply'),
        pgscore._generated_name(b.profile, b.profile_number, 'arrive'),
        pgscore._generated_name(b.profile, b.profile_number, 'rekey'),
        pgscore._generated_name(b.profile, b.profile_number, 'refresh')
    ];
begin
    return query select * from pgscore._function_statements(
        b.profile_owner,
        named[1] || '(bindings integer[], tasks text[], keys text[], deltas text[], out names text[], out rows text[],'
            ' out scores double precision[], out versions integer[], out reasons text[])',
        null,
        'plpgsql volatile', pgscore._apply_body(b),
        format('Moves counters of rows of %s and stores their scores, in one UPDATE; called by pgscore', b.profile),
        array['pgscore_applier'::regrole]
    );
    return query select * from pgscore._function_statements(
        b.profile_owner, named[2] || '()', 'trigger', 'plpgsql volatile',
        (
            select 'begin ' || string_agg(
                format(
                    'insert into pgscore.queue (binding, task, keys)
                    select %s, ''arrive'', array_agg(n.%2$I::text) from pgscore_new n where n.%2$I is not null having count(*) > 0; ',
                    o.number, o.profile_key
                ), '' order by o.number
            ) || at_once || ' return null; end'
            from pgscore._bindings_of(b.profile) o
        ),
        format('Has new rows of %s counted and scored, for pgscore', b.profile)
    );
    return query select * from pgscore._function_statements(
        b.profile_owner, named[3] || '()', 'trigger', 'plpgsql volatile',
        (
            select 'begin ' || string_agg(
                format(
                    'if old.%2$I is distinct from new.%2$I and new.%2$I is not null then
                    insert into pgscore.queue (binding, task, keys, deltas)
                    values (%1$s, ''rekey'', array[new.%2$I::text], array[old.%2$I::text]); end if; ',
                    o.number, o.profile_key
                ), '' order by o.number
            ) || at_once || ' return null; end'
            from pgscore._bindings_of(b.profile) o
        ),
        format('Has rows of %s counted again whose key changed, for pgscore', b.profile)
    );
    return query select * from pgscore._function_statements(
        b.profile_owner, named[4] || '()', 'trigger', 'plpgsql volatile',
        format(
            'begin insert into pgscore.queue (binding, task, keys)
            select %1$s, ''refresh'', array_agg(r.key)
            from (
                select pgscore_new.%2$I::text as key, to_jsonb(pgscore_old) as former, to_jsonb(pgscore_new) as present
                from pgscore_old join pgscore_new on %3$s
                offset 0
            ) r
            where r.key is not null and exists (
                select from unnest(pgscore._columns_read(%4$L)) c where r.former -> c is distinct from r.present -> c
            )
            having count(*) > 0; %5$s return null; end',
            (select min(o.number) from pgscore._bindings_of(b.profile) o),
            (select o.profile_key from pgscore._bindings_of(b.profile) o order by o.number limit 1),
            (
                select string_agg(format('pgscore_old.%1$I = pgscore_new.%1$I', k), ' and ')
                from unnest(pgscore._row_key(b.profile, b.profile_key)) k
            ),
            (select array_agg(t.model) from pgscore._targets_of(b.profile) t),
            at_once
        ),
        format('Has rows of %s scored again in which a model''s input changed, for pgscore', b.profile)
    );
end
$$;

comment on function pgscore._profile_statements(pgscore.binding) is
    'What the owner of a profile table runs to have the functions that its bindings need';
