create function pgscore._weighted_sum(
    start double precision, numbers double precision[], weights double precision[]
) returns double precision
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
    total double precision := start;
    position integer;
begin
    for position in 1 .. cardinality(numbers) loop
        total := pgscore._add(total, pgscore._multiply(numbers[position], weights[position]));
    end loop;
    return total;
end
$$;

comment on function pgscore._weighted_sum(double precision, double precision[], double precision[]) is
    'start + Σ number · weight, from left to right, as IEEE doubles. NULL where it is no number';
grant execute on function pgscore._weighted_sum(double precision, double precision[], double precision[]) to pgscore_reader;
