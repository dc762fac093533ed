create function pgscore._weighted_sum(
    start double precision, numbers double precision[], weights double precision[]
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    total double precision := start;
    number double precision;
    weight double precision;
begin
    for position in 1 .. cardinality(numbers) loop
        number := numbers[position];
        weight := weights[position];
        if abs(number) between '1e-150' and '1e150' and abs(weight) between '1e-150' and '1e150' and abs(total) < '1e305' then
            total := total + number * weight;
        else
            total := pgscore._add(total, pgscore._multiply(number, weight));
        end if;
    end loop;
    return total;
end
$$;

comment on function pgscore._weighted_sum(double precision, double precision[], double precision[]) is
    'start + Σ number · weight, from left to right, as IEEE doubles. NULL where it is no number';
grant execute on function pgscore._weighted_sum(double precision, double precision[], double precision[]) to pgscore_reader;
