create function pgscore._no_answer(model text) returns double precision
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from pgscore.model m where m.name = _no_answer.model) then
        raise exception 'model "%" has no promoted version', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('An operator runs select pgscore.promote(%L, version).', model);
    end if;
    raise exception 'model % is unknown', coalesce('"' || model || '"', 'NULL')
        using errcode = 'undefined_object',
              hint = 'select name, serving from pgscore.model lists the models.';
end
$$;

comment on function pgscore._no_answer(text) is 'Says why no version answers for a model';
grant execute on function pgscore._no_answer(text) to pgscore_reader;
