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
