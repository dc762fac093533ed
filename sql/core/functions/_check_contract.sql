create function pgscore._check_contract(contract jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        jsonb_typeof(contract -> 'inputs') = 'array'
        and jsonb_array_length(contract -> 'inputs') between 1 and 1600
        and (
            select bool_and(
                jsonb_typeof(i.input -> 'name') = 'string'
                and octet_length(i.input ->> 'name') between 1 and 63
                and i.input ->> 'type' in ('double precision', 'text', 'boolean')
                and jsonb_typeof(i.input -> 'nullable') = 'boolean'
            ) and count(distinct i.input ->> 'name') = count(*)
            from jsonb_array_elements(contract -> 'inputs') as i (input)
        )
        and contract #>> '{output,kind}' in ('probability', 'indicator', 'value')
        and jsonb_typeof(contract #> '{output,classes}') = 'array'
        and jsonb_typeof(contract -> 'libraries') = 'object'
        and jsonb_typeof(contract -> 'types') = 'array'
        and (
            not contract ? 'tolerance'
            or jsonb_typeof(contract -> 'tolerance') = 'number' and (contract ->> 'tolerance')::numeric between 1e-12 and 1e-2
        )
        and (not contract ? 'reason_codes' or pgscore._reason_codes_problem(contract -> 'reason_codes') is null),
        false
    )
$$;

comment on function pgscore._check_contract(jsonb) is 'Whether a contract has the parts that the database itself relies on';

alter table pgscore.model_version
    add constraint contract_is_complete check (pgscore._check_contract(contract));
