create function pgscore._refuse(problem text) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if problem is not null then
        raise exception '%', problem using errcode = 'invalid_parameter_value';
    end if;
end
$$;

comment on function pgscore._refuse(text) is 'Fails with a sentence that says what is wrong; does nothing for NULL';
