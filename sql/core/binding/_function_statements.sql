create function pgscore._function_statements(
    owner regrole, signature text, returns text, posture text, body text, says text, callers regrole[] default '{}'
) returns table (role regrole, statement text)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- The body is a literal, never dollar-quoted: names stand in it, and could end the quote.
    select owner, s.statement
    from (
        values
            (1, format(
                'create or replace function %s%s language %s security definer set search_path = pg_catalog, pg_temp as %L',
                signature, coalesce(' returns ' || returns, ''), posture, body
            )),
            (2, format('comment on function %s is %L', signature, says)),
            (3, format('revoke all on function %s from public', signature))
    ) as s (step, statement)
    union all
    select owner, format('grant execute on function %s to %s', signature, c) from unnest(callers) as c where c <> owner
$$;

comment on function pgscore._function_statements(regrole, text, text, text, text, text, regrole[]) is
    'What the owner of a table runs to have a function that works with its rights, and that only callers may call';
