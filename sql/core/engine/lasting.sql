-- What costs a session something before its first score: the interpreter 40 ms, until PL/Python has started, and the
-- expression of a large program several, until it is planned; to walk its arrays needs neither, and is slower later. Each
-- is worth its price in sessions that last. So bindings count a session's scores in the setting pgscore.lasting, which holds
-- a dot for each; after nine it is `on`, and `sql` where the interpreter turns out not to work. Anybody may set it for
-- their session, and anybody's session has its own: it changes speed, never a score.

create function pgscore._first_engine(model text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Who names the interpreter gets it from the first score on.
    select case
        when m.one_engine = 'interpreter' and m.engine is null and p.size <= pgscore._largest_sql_program() then 'sql'
        else m.one_engine
    end
    from pgscore.model m
    left join pgscore.program p on p.model = m.name and p.version = m.serving
    where m.name = _first_engine.model
$$;

comment on function pgscore._first_engine(text) is
    'The engine that scores one row in a session that has not scored often; another than one_engine where that is dear to start';

create function pgscore._counts_scores(model text) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._first_engine(m.name) = 'sql' and (m.one_engine <> 'sql' or pgscore._has_walked(m.name, m.serving))
    from pgscore.model m
    where m.name = _counts_scores.model
$$;

comment on function pgscore._counts_scores(text) is
    'Whether sessions that last score one row of the version that answers in another way than others';

-- Inlined; a body of SQL's own standard, so that every name in it is found now.
create function pgscore._can_interpret() returns boolean
language sql stable parallel safe
return coalesce(current_setting('pgscore.lasting', true) = 'on', false) and to_regproc('pgscore_trusted._walk') is not null;

comment on function pgscore._can_interpret() is
    'Whether this session has scored often, and the interpreter is there: for callers that could not go on without it';
grant execute on function pgscore._can_interpret() to pgscore_reader;

create function pgscore._stop_interpreting(model text, reason text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise log 'pgscore: this session goes on with the sql engine, since the interpreter does not score model "%": %', model, reason;
    return set_config('pgscore.lasting', 'sql', false);
end
$$;

comment on function pgscore._stop_interpreting(text, text) is 'Has this session score by sql from now on, and says in the server''s log why';
grant execute on function pgscore._stop_interpreting(text, text) to pgscore_reader;
