create function pgscore._publish(
    model text, digest text, sha256 text, size bigint, format text, contract jsonb, signature bytea, key_id text,
    metrics jsonb, golden jsonb, program jsonb, out version integer, out created boolean, out wanted boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
begin
    if model is null or model !~ '^[a-z_][a-z0-9_]*$' or octet_length(model) > 50 then
        raise exception 'model name % is no identifier: lower-case letters, digits and _, at most 50',
            coalesce('"' || model || '"', 'NULL')
            using errcode = 'invalid_name';
    end if;
    if jsonb_array_length(golden) = 0 then
        raise exception 'model "%" comes without golden rows, and nothing is promoted unproved', model
            using errcode = 'invalid_parameter_value';
    end if;
    problem := case
        when program is not null then coalesce(
            pgscore._program_problem(program), pgscore._program_contract_problem(program, contract)
        )
    end;
    if problem is not null then
        raise exception 'the program of model "%" is refused: %', model, problem
            using errcode = 'invalid_parameter_value', hint = 'docs/program.md describes programs.';
    end if;
    problem := case when contract ? 'reason_codes' then coalesce(
        pgscore._reason_codes_problem(contract -> 'reason_codes'), pgscore._reason_registers_problem(program, contract)
    ) end;
    if problem is not null then
        raise exception 'the reason codes of model "%" are refused: %', model, problem
            using errcode = 'invalid_parameter_value', hint = 'docs/program.md describes them.';
    end if;
    insert into pgscore.model (name) values (model) on conflict do nothing;
    -- Versions are numbered one after the other. Not by a lock on the model's row: a publication that is left open would
    -- stand in the way of promotions. Whoever takes the same number, or publishes the same, waits and looks again.
    loop
        select v.version into version
        from pgscore.model_version v
        where v.model = _publish.model and v.digest = _publish.digest
            and (_publish.key_id is null or v.key_id = _publish.key_id)
        order by v.version desc
        limit 1;
        created := not found;
        exit when not created;
        select coalesce(max(v.version), 0) + 1 into version from pgscore.model_version v where v.model = _publish.model;
        begin
            insert into pgscore.model_version (
                model, version, digest, sha256, size, format, contract, signature, key_id, metrics
            ) values (
                _publish.model, _publish.version, _publish.digest, _publish.sha256, _publish.size, _publish.format,
                _publish.contract, _publish.signature, _publish.key_id, coalesce(_publish.metrics, '{}')
            );
            exit;
        exception when unique_violation then
            -- An older snapshot would never see what is there now.
            if current_setting('transaction_isolation') <> 'read committed' then
                raise;
            end if;
        end;
    end loop;
    if created then
        insert into pgscore.golden_row (model, version, ordinal, inputs, expected, outputs, scale)
        select
            _publish.model, _publish.version, g.ordinal, g.line -> 'inputs', (g.line ->> 'expected')::double precision,
            case when jsonb_typeof(g.line -> 'outputs') = 'array' then
                array(
                    select o.output::double precision
                    from jsonb_array_elements_text(g.line -> 'outputs') with ordinality as o (output, position)
                    order by o.position
                )
            end,
            coalesce((g.line ->> 'scale')::double precision, 0)
        from jsonb_array_elements(golden) with ordinality as g (line, ordinal);
        if program is not null then
            perform pgscore._store_program(model, version, program);
        end if;
    else
        -- An artifact that was pruned may come back, as its version stays the same.
        update pgscore.retirement r set pruned_at = null, pruned_by = null
        where r.model = _publish.model and r.version = _publish.version and r.pruned_at is not null;
        wanted := found;
    end if;
    wanted := created or wanted;
    if wanted then
        perform pgscore._compile_program(model, version);
        perform pgscore._create_explainer(model, version);
        perform pgscore._create_coder(model, version);
    end if;
end
$$;

comment on function pgscore._publish(text, text, text, bigint, text, jsonb, bytea, text, jsonb, jsonb, jsonb) is
    'Stores a version with its golden rows, or answers with the version that has the same artifact, contract and key; wanted: pgscore._store_chunk has to follow';
grant execute on function pgscore._publish(text, text, text, bigint, text, jsonb, bytea, text, jsonb, jsonb, jsonb)
    to pgscore_publisher;
