create function pgscore._fail(number integer, events text, state text, message text, detail text default '', hint text default '') returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A column or a table that has got another name or type, or has gone: the application can do nothing about it, and its
    -- owner can. PostgreSQL's own hints are about the generated SQL.
    if state in ('42703', '42P01', '42883', '42804', '42846', '42725', '42704', '3F000', '42501') and message !~ '^the binding of '
        and (hint = '' or state in ('42703', '42P01', '42883'))
    then
        perform pgscore._fail_unfit(number, events, state, message);
    end if;
    if detail = '' and hint = '' then
        raise exception using errcode = state, message = message;
    elsif detail = '' then
        raise exception using errcode = state, message = message, hint = hint;
    elsif hint = '' then
        raise exception using errcode = state, message = message, detail = detail;
    end if;
    raise exception using errcode = state, message = message, detail = detail, hint = hint;
end
$$;

comment on function pgscore._fail(integer, text, text, text, text, text) is
    'Fails as a generated function has failed, in one sentence, and without the SQL in which it was';
grant execute on function pgscore._fail(integer, text, text, text, text, text) to pgscore_reader;

create function pgscore._fail_unfit(number integer, events text, state text, message text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    b pgscore.binding;
    gone boolean;
    problem text;
begin
    -- A lock that was not to be had, say, has nothing to do with the columns.
    if state !~ '^(22|42|3F)' then
        raise exception using errcode = state, message = message;
    end if;
    select o.* into b from pgscore.binding o where o.number = _fail_unfit.number;
    gone := b.number is null or 2 <> (select count(*) from pg_catalog.pg_class c where c.oid in (b.events, b.profile));
    if not gone then
        problem := pgscore._binding_problem(pgscore._followed(b));
        message := coalesce(problem, pgscore._renamed_sentence(b), message);
    end if;
    -- What stands in the way of mending it says more than the SQL that failed.
    raise exception 'the binding of % does not fit its tables any more: %', events, message
        using errcode = state, hint = case
            when b.number is null then 'No binding of that number is here: `pgscore doctor` says what to drop.'
            when gone then format('As %s: select * from pgscore.detach(%L, %L)', b.owner, b.events, b.profile)
            when problem is null then format('As %s: select pgscore.reattach(%L, %L)', b.owner, b.events, b.profile)
            else format('Mend that; then, as %s: select pgscore.reattach(%L, %L)', b.owner, b.events, b.profile)
        end;
end
$$;

comment on function pgscore._fail_unfit(integer, text, text, text) is
    'Fails for a binding whose tables are not what its functions were generated for: says what is wrong, and what its owner is to call';
grant execute on function pgscore._fail_unfit(integer, text, text, text) to pgscore_reader;

create function pgscore._state_text(state record) returns text
language plpgsql stable
-- The same text in all sessions, with all digits, whatever they have set.
set search_path = pg_catalog, pg_temp set datestyle = 'ISO' set intervalstyle = 'postgres' set timezone = 'UTC' set extra_float_digits = 1
as $$
begin
    return state::text;
end
$$;

comment on function pgscore._state_text(record) is 'A row as text, to be compared with another one';
grant execute on function pgscore._state_text(record) to pgscore_reader;
