create function pgscore._fail(binding text, state text, message text, detail text default '', hint text default '') returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A column or a table that has got another name, or has gone: the application can do nothing about it, and its owner can.
    if state in ('42703', '42P01', '42883', '42804', '42704', '3F000', '42501') and hint = '' then
        message := format('the binding of %s does not fit its tables any more: %s', binding, message);
        hint := '`pgscore doctor` says what to run.';
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

comment on function pgscore._fail(text, text, text, text, text) is
    'Fails as a generated function has failed, in one sentence, and without the SQL in which it was';
grant execute on function pgscore._fail(text, text, text, text, text) to pgscore_reader;

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
