create function pgscore._report_step(
    binding text, repair boolean, checked bigint, differing bigint, examples text[], finished boolean
) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if examples is not null then
        raise notice '% differ: %', binding, array_to_string(examples, ' | ');
    end if;
    if finished or checked % 10000 = 0 then
        raise info '%: % profiles compared, % differed%', binding, checked, differing,
            case when differing = 0 then '' when repair then ' and were mended' else ' and were left as they are' end;
    end if;
end
$$;

comment on function pgscore._report_step(text, boolean, bigint, bigint, text[], boolean) is 'Tells the caller of reconcile what differs, and how far it has come';
grant execute on function pgscore._report_step(text, boolean, bigint, bigint, text[], boolean) to pgscore_reader;
