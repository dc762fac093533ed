create function churn._complaints_apply(keys text[], deltas bigint[]) returns table (
    key text, score double precision, version integer, reason text
)
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    moved churn.customer_profile[];
    scored pgscore.scored;
    failure text;
begin
    -- Always in the order of the primary key, so that no two transactions wait for each other.
    perform from churn.customer_profile p
    where p.customer_id = any (_complaints_apply.keys::bigint[])
    order by p.customer_id
    for no key update;

    -- The rows as they will stand. Not row(…)::churn.customer_profile, which an added column would break.
    select array_agg(
        jsonb_populate_record(
            p, jsonb_build_object('number_customer_service_calls', p.number_customer_service_calls + d.delta)
        )
        order by p.customer_id
    )
    into moved
    from unnest(_complaints_apply.keys::bigint[], _complaints_apply.deltas) as d (customer_id, delta)
    join churn.customer_profile p using (customer_id);

    -- What can fail is apart from what writes: a block that only reads costs no transaction id.
    begin
        scored := pgscore._score_rows('churn', moved);
    exception when others then
        failure := sqlerrm;
    end;

    return query
    update churn.customer_profile p
    set number_customer_service_calls = m.number_customer_service_calls,
        churn_score = case when m.scored then m.score else p.churn_score end,
        churn_scored_at = case when m.scored then now() else p.churn_scored_at end,
        churn_model_version = case when m.scored then scored.version else p.churn_model_version end
    from (
        select
            (u.profile).customer_id, (u.profile).number_customer_service_calls, u.score, u.reason,
            scored.version is not null and u.reason is null as scored
        from (
            select unnest(moved) as profile, unnest(scored.scores) as score, unnest(scored.reasons) as reason
        ) u
    ) m
    where p.customer_id = m.customer_id
    returning p.customer_id::text, m.score, scored.version, coalesce(m.reason, failure);
end
$$;

comment on function churn._complaints_apply(text[], bigint[]) is
    'Moves the counters of customers and stores their scores, in one UPDATE; called by pgscore at commit';
revoke all on function churn._complaints_apply(text[], bigint[]) from public;
grant execute on function churn._complaints_apply(text[], bigint[]) to pgscore_owner;
