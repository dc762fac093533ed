-- churn/owner.sql
-- The application's own role. Not a superuser: its trigger functions run with its rights, and call what pgscore_owner may
-- replace.
do $$
begin
    if to_regrole('churn_owner') is null then
        create role churn_owner nologin;
        comment on role churn_owner is 'Owns the reference application of pgscore';
    end if;
    if not pg_has_role(current_user, 'churn_owner', 'member') then
        execute format('grant churn_owner to %I', current_user);
    end if;
    if not pg_has_role('churn_owner', 'pgscore_reader', 'member') then
        grant pgscore_reader to churn_owner;
    end if;
end
$$;

create schema churn authorization churn_owner;

-- churn/schema.sql
set role churn_owner;

comment on schema churn is 'Reference application of pgscore: customers of a telephone company and their complaints';
-- pgscore generates functions on the row type of the profile table, and applies the queue.
grant usage on schema churn to pgscore_owner;

-- churn/customer_profile.sql
create table churn.customer_profile (
    customer_id bigint primary key,
    state text not null,
    account_length integer not null,
    area_code text not null,
    international_plan text not null,
    voice_mail_plan text not null,
    number_vmail_messages integer not null,
    total_day_minutes double precision not null,
    total_day_calls integer not null,
    total_day_charge double precision not null,
    total_eve_minutes double precision not null,
    total_eve_calls integer not null,
    total_eve_charge double precision not null,
    total_night_minutes double precision not null,
    total_night_calls integer not null,
    total_night_charge double precision not null,
    total_intl_minutes double precision not null,
    total_intl_calls integer not null,
    total_intl_charge double precision not null,
    number_customer_service_calls bigint not null default 0,
    churn_score double precision,
    churn_scored_at timestamptz,
    churn_model_version integer
);

comment on table churn.customer_profile is 'A customer: 19 predictors, and what the churn model says';
comment on column churn.customer_profile.customer_id is 'The customer';
comment on column churn.customer_profile.state is 'State of the USA, two letters';
comment on column churn.customer_profile.account_length is 'Days since the account was opened';
comment on column churn.customer_profile.area_code is 'Telephone area, as area_code_415';
comment on column churn.customer_profile.international_plan is 'yes or no';
comment on column churn.customer_profile.voice_mail_plan is 'yes or no';
comment on column churn.customer_profile.number_vmail_messages is 'Voice mail messages';
comment on column churn.customer_profile.total_day_minutes is 'Minutes of calls by day';
comment on column churn.customer_profile.total_day_calls is 'Calls by day';
comment on column churn.customer_profile.total_day_charge is 'Charge for calls by day';
comment on column churn.customer_profile.total_eve_minutes is 'Minutes of calls in the evening';
comment on column churn.customer_profile.total_eve_calls is 'Calls in the evening';
comment on column churn.customer_profile.total_eve_charge is 'Charge for calls in the evening';
comment on column churn.customer_profile.total_night_minutes is 'Minutes of calls by night';
comment on column churn.customer_profile.total_night_calls is 'Calls by night';
comment on column churn.customer_profile.total_night_charge is 'Charge for calls by night';
comment on column churn.customer_profile.total_intl_minutes is 'Minutes of international calls';
comment on column churn.customer_profile.total_intl_calls is 'International calls';
comment on column churn.customer_profile.total_intl_charge is 'Charge for international calls';
comment on column churn.customer_profile.number_customer_service_calls is 'Complaints: moved by pgscore when one is inserted';
comment on column churn.customer_profile.churn_score is 'Probability that the customer leaves; NULL until a model is promoted';
comment on column churn.customer_profile.churn_scored_at is 'When it was computed';
comment on column churn.customer_profile.churn_model_version is 'The version of the model that gave it';

-- churn/complaints.sql
create table churn.complaints (
    complaint_id bigint generated always as identity primary key,
    customer_id bigint not null references churn.customer_profile (customer_id),
    kind text not null,
    body text not null default '',
    created_at timestamptz not null default now()
);

create index complaints_customer on churn.complaints (customer_id);

comment on table churn.complaints is 'What customers complain about: the application only inserts';
comment on column churn.complaints.complaint_id is 'Counts up';
comment on column churn.complaints.customer_id is 'The customer who complains';
comment on column churn.complaints.kind is 'What about, in a word';
comment on column churn.complaints.body is 'In the customer''s words';
comment on column churn.complaints.created_at is 'When';

-- churn/_complaints_apply.sql
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

-- churn/_complaints_fold.sql
create function churn._complaints_fold() returns trigger
language plpgsql volatile security definer
set search_path = ''
as $$
begin
    insert into pgscore.queue (binding, keys, deltas)
    select 'churn.complaints', array_agg(f.key), array_agg(f.delta)
    from (
        select e.customer_id::text as key, count(*) as delta
        from inserted e
        group by e.customer_id
    ) f
    having count(*) > 0;
    return null;
end
$$;

comment on function churn._complaints_fold() is 'Counts a statement''s new complaints by customer and queues them for the commit';
revoke all on function churn._complaints_fold() from public;

create trigger pgscore_fold after insert on churn.complaints
    referencing new table as inserted
    for each statement execute function churn._complaints_fold();

comment on trigger pgscore_fold on churn.complaints is 'Queues new complaints for their customers'' counters and scores';

-- churn/become_oneself.sql
reset role;

-- churn/binding.sql
set role pgscore_owner;

grant insert (binding, keys, deltas) on pgscore.queue to churn_owner;

insert into pgscore.binding (
    name, events, profile, model, event_key, profile_key, reducers, score, version, scored_at,
    apply_schema, apply_function
) values (
    'churn.complaints', 'churn.complaints', 'churn.customer_profile', 'churn', 'customer_id', 'customer_id',
    '[{"column": "number_customer_service_calls", "aggregate": "count"}]',
    'churn_score', 'churn_model_version', 'churn_scored_at',
    'churn', '_complaints_apply'
);

select pgscore._add_profile('churn.customer_profile');

reset role;
