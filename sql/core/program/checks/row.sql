create function pgscore._program_row_problem(program jsonb, numbers double precision[], texts text[]) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    input jsonb;
    number double precision;
    value text;
    numbers_read integer := 0;
    texts_read integer := 0;
    reason text;
begin
    for input in
        select i.value from jsonb_array_elements(program -> 'inputs') with ordinality as i (value, ordinal) order by i.ordinal
    loop
        if input ->> 'type' = 'text' then
            texts_read := texts_read + 1;
            value := texts[texts_read];
            if value is null and not (input -> 'nullable')::boolean then
                return null;
            elsif value is not null and input ? 'known' and not input -> 'known' ? value then
                reason := coalesce(reason, format('input "%s" is ''%s'', which the estimator does not know', input ->> 'name', value));
            end if;
            continue;
        end if;
        numbers_read := numbers_read + 1;
        number := nullif(numbers[numbers_read], 'NaN');
        if number is null and not (input -> 'nullable')::boolean then
            return null;
        elsif number < (input -> 'minimum')::double precision or number > (input -> 'maximum')::double precision then
            reason := coalesce(reason, format('input "%s" is %s, beyond what the estimator accepts', input ->> 'name', number));
        elsif number is not null and input ? 'known' and not exists (
            select from jsonb_array_elements(input -> 'known') as k (key) where k.key::double precision = number
        ) then
            reason := coalesce(reason, format('input "%s" is %s, which the estimator does not know', input ->> 'name', number));
        end if;
    end loop;
    if reason is null and jsonb_array_length(program -> 'require') > 0 then
        -- Who asks has no score of the row.
        reason := 'a number that the estimator computes of the inputs is missing, or beyond what it accepts';
    end if;
    return reason;
end
$$;

comment on function pgscore._program_row_problem(jsonb, double precision[], text[]) is
    'Why a valid program refuses a row that has no score, given as its number inputs and its text inputs in order; NULL where it does not, or where a value is missing';
