-- PL/Python starts in some 40 ms, in each session anew, and then walks a large ensemble in a tenth of the time that it
-- takes to set up its expression. So where sql and interpreter both serve one row, sessions begin with sql, and those that
-- score more go on with the interpreter. The setting pgscore.lasting holds a mark for each score so far, then `on`; `off`
-- where the interpreter does not work. Anybody may set it for their session: it changes speed, never a score.

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

-- Inlined; a body of SQL's own standard, so that every name in it is found now.
create function pgscore._is_lasting() returns boolean
language sql stable parallel safe
return coalesce(current_setting('pgscore.lasting', true) = 'on', false);

comment on function pgscore._is_lasting() is 'Whether this session has scored often enough to start the interpreter, or is told so';
grant execute on function pgscore._is_lasting() to pgscore_reader;

create function pgscore._can_interpret() returns boolean
language sql stable parallel safe
return coalesce(current_setting('pgscore.lasting', true) = 'on', false) and to_regproc('pgscore_trusted._walk') is not null;

comment on function pgscore._can_interpret() is 'The same for callers that could not go on without the interpreter: and it is there';
grant execute on function pgscore._can_interpret() to pgscore_reader;

create function pgscore._count_score() returns text
language sql volatile
return case
    when current_setting('pgscore.lasting', true) = 'off' then 'off'
    -- The next one is the tenth.
    when length(current_setting('pgscore.lasting', true)) >= 8 then set_config('pgscore.lasting', 'on', false)
    else set_config('pgscore.lasting', coalesce(current_setting('pgscore.lasting', true), '') || '.', false)
end;

comment on function pgscore._count_score() is 'Marks one more score of this session in pgscore.lasting';
grant execute on function pgscore._count_score() to pgscore_reader;

create function pgscore._stop_interpreting(model text, reason text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise log 'pgscore: this session goes on with the sql engine, since the interpreter does not score model "%": %', model, reason;
    return set_config('pgscore.lasting', 'off', false);
end
$$;

comment on function pgscore._stop_interpreting(text, text) is 'Has this session score by sql from now on, and says in the server''s log why';
grant execute on function pgscore._stop_interpreting(text, text) to pgscore_reader;
