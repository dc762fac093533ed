create function pgscore._doctor_consumers() returns table (reader text, name text, problem text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    consumer record;
begin
    for consumer in select c.reader, c.name, c.position from pgscore.change_consumer c order by c.reader::text, c.name loop
        begin
            perform pgscore._change_since(consumer.position, null);
        exception when object_not_in_prerequisite_state or invalid_parameter_value then
            return query select consumer.reader::text, consumer.name, sqlerrm;
        end;
    end loop;
end
$$;

comment on function pgscore._doctor_consumers() is
    'The consumers of the outbox that the caller may see and that cannot go on from their position, and why';
grant execute on function pgscore._doctor_consumers() to pgscore_reader;
