-- Calls move the profile too, by several reducers with filters. Their counters hold calls from before this table.
set role churn_owner;
create table churn.calls (
    call_id bigint generated always as identity primary key,
    customer_id bigint not null references churn.customer_profile (customer_id),
    period text collate "C" not null,
    minutes numeric(8, 1) not null,
    charge numeric(8, 2) not null,
    created_at timestamptz not null default now()
);
create index calls_customer on churn.calls (customer_id);
comment on table churn.calls is 'Calls of customers: day, eve, night, intl';

-- Sums of floats cannot take what was there before; sums of numeric can.
alter table churn.customer_profile
    alter total_day_calls type bigint, alter total_day_minutes type numeric, alter total_day_charge type numeric,
    alter total_eve_calls type bigint, alter total_eve_minutes type numeric, alter total_eve_charge type numeric,
    alter total_night_calls type bigint, alter total_night_minutes type numeric, alter total_night_charge type numeric,
    alter total_intl_calls type bigint, alter total_intl_minutes type numeric, alter total_intl_charge type numeric;

select pgscore.attach(
    'churn', 'churn.calls', 'churn.customer_profile', 'customer_id', 'customer_id',
    (
        select jsonb_agg(
            jsonb_build_object(
                'column', format('total_%s_%s', period, what), 'aggregate', case what when 'calls' then 'count' else 'sum' end,
                'where', jsonb_build_object('period', period), 'deletes', 'ignore'
            ) || case what when 'calls' then '{}' else jsonb_build_object('of', what) end
        )
        from unnest(array['day', 'eve', 'night', 'intl']) as p (period), unnest(array['calls', 'minutes', 'charge']) as w (what)
    ),
    'churn_score', 'churn_model_version', 'churn_scored_at'
);
reset role;
