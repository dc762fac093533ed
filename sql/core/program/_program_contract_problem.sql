create function pgscore._program_contract_problem(program jsonb, contract jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    classes constant integer := jsonb_array_length(contract #> '{output,classes}');
    kind constant text := contract #>> '{output,kind}';
    link constant text := program ->> 'link';
    wanted constant integer := case kind when 'value' then 1 else classes end;
    outputs constant integer := case
        when link in ('logistic', 'sign') then 2 else jsonb_array_length(program -> 'scores')
    end;
    problem text;
begin
    select case
        when p.input is null then format('inputs has %s members, and the contract %s', p.ordinal - 1, jsonb_array_length(contract -> 'inputs'))
        when p.promised is null then format('inputs has more members than the contract, which has %s', p.ordinal - 1)
        else format(
            'inputs[%s].%s is %s, and the contract says %s', p.ordinal - 1, f.name,
            pgscore._shown(p.input -> f.name), pgscore._shown(p.promised -> f.name)
        )
    end
    into problem
    from rows from (
        jsonb_array_elements(program -> 'inputs'), jsonb_array_elements(contract -> 'inputs')
    ) with ordinality as p (input, promised, ordinal),
    unnest(array['name', 'type', 'nullable']) with ordinality as f (name, position)
    where p.input -> f.name is distinct from p.promised -> f.name
    order by p.ordinal, f.position limit 1;
    if problem is not null then
        return problem;
    elsif outputs <> wanted then
        return format('link "%s" gives %s outputs, and the contract has %s', link, outputs, case kind
            when 'value' then 'one value' else format('%s classes', classes) end);
    elsif (kind = 'value' and link <> 'identity')
        or (kind = 'indicator' and link not in ('sign', 'argmax'))
        or (kind = 'probability' and link not in ('identity', 'logistic', 'softmax', 'one_vs_rest'))
    then
        return format('link "%s" does not fit an output of kind "%s"', link, kind);
    end if;
    return null;
end
$$;

comment on function pgscore._program_contract_problem(jsonb, jsonb) is
    'Where a valid program departs from a complete contract: its inputs, outputs or link; NULL where it does not';
