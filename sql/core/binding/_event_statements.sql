create function pgscore._event_statements(b pgscore.binding) returns table (role regrole, statement text)
language plpgsql stable
set search_path = ''
as $$
declare
    name text;
    columns text;
    vals text;
    operation text;
begin
    foreach operation in array array['insert', 'update', 'delete'] loop
        return query select * from pgscore._function_statements(
            b.events_owner, pgscore._generated_name(b.events, b.number, operation) || '()', 'trigger', 'plpgsql volatile',
            pgscore._fold_body(b, operation),
            format('Folds what a statement did to %s (%s) by customer, for pgscore', b.events, operation)
        );
    end loop;
    return query select * from pgscore._function_statements(
        b.events_owner, pgscore._generated_name(b.events, b.number, 'truncate') || '()', 'trigger', 'plpgsql volatile',
        format(
            'begin insert into pgscore.queue (binding, task, keys) values (%s, ''recount all'', array[null]); %s return null; end',
            b.number, case b.timing when 'statement' then 'perform pgscore._apply_statement();' else '' end
        ),
        format('Has all profiles of %s recounted, for pgscore', b.profile)
    );
    -- What reducers give from the events; those that add up only where it is asked for.
    select
        string_agg(
            format(', out v%s %s', ordinal, format_type(t.atttypid, t.atttypmod)), '' order by ordinal
        ),
        string_agg(
            case when pgscore._is_recounted(r, b.events) then pgscore._reducer_value(r, b.events, b.event_key)
            else format('case when $2 then %s end', pgscore._reducer_value(r, b.events, b.event_key)) end,
            ', ' order by ordinal
        )
    into columns, vals
    from jsonb_array_elements(b.reducers) with ordinality as e (r, ordinal), pgscore._column(b.profile, r ->> 'column') as t;
    return query select * from pgscore._function_statements(
        b.events_owner,
        format(
            '%s(key %s, everything boolean, out any_event boolean%s)',
            pgscore._generated_name(b.events, b.number, 'recount'), b.key_type, columns
        ),
        null, 'plpgsql stable',
        format(
            'begin select exists (select from %s e where e.%I = $1)%s into any_event%s; end', b.events, b.event_key,
            ', ' || vals,
            (select string_agg(format(', v%s', n), '' order by n) from generate_series(1, jsonb_array_length(b.reducers)) n)
        ),
        format('What the events of %s say of a customer, for pgscore', b.events),
        array[b.profile_owner]
    );
end
$$;

comment on function pgscore._event_statements(pgscore.binding) is
    'What the owner of an event table runs to have the functions of a binding';
