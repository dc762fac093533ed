create function pgscore._missing_body(b pgscore.binding) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    there constant text := format(
        'exists (select from %s pgscore_row where pgscore_row.%I = w.key::%s)', b.profile, b.profile_key, b.key_type
    );
    work constant text := format(
        'unnest($1, $2, $3) as w (binding, task, key) where w.binding = %s and w.key is not null', b.number
    );
    recount constant text := format(
        '(select r.any_event from %s(w.key::%s, false) r)',
        pgscore._generated_name(b.events, b.number, 'recount'), b.key_type
    );
begin
    if b.on_missing = 'insert' then
        -- Who inserts first decides: the other one waits for the key. A new row is counted on its arrival, in a second
        -- round, so its events are dropped here.
        return format(
            'with missing as (
                select distinct w.key from %1$s and w.task in (''move'', ''recount'') and not %2$s and %3$s
            ), made as (
                insert into %4$s (%5$I) select m.key::%6$s from missing m order by m.key collate "C" on conflict do nothing
                returning %5$I::text as key
            )
            select array_agg(m.key) into here.made from made m;
            if here.made is not null then
                $2 := array(
                    select case when w.binding = any (%7$L) and w.key = any (here.made) then ''refresh'' else w.task end
                    from unnest($1, $2, $3) with ordinality as w (binding, task, key, ordinal) order by w.ordinal
                );
            end if;',
            work, there, recount, b.profile, b.profile_key, b.key_type,
            (
                select array_agg(o.number) from pgscore._bindings_of(b.profile) o where o.profile_key = b.profile_key
            )
        );
    elsif b.on_missing = 'error' then
        return format(
            'select min(w.key) into here.missing from %s and w.task in (''move'', ''recount'') and not %s and %s;
            if here.missing is not null then
                raise exception ''table %% has no row whose %% is %%, which events of %% name'', %L, %L, here.missing, %L
                    using errcode = ''foreign_key_violation'';
            end if;',
            work, there, recount, b.profile::text, b.profile_key, b.events::text
        );
    elsif not pgscore._has_foreign_key(b.events, b.event_key, b.profile, b.profile_key) then
        -- A profile may come in a transaction that runs at the same time: each would miss what the other brings. The later
        -- one waits here, and then sees it. Some buckets, because locks are few.
        return format(
            'perform pg_advisory_xact_lock(hashtext(%1$L), l.bucket)
            from (
                select distinct hashtext(w.key) & 255 as bucket
                from %2$s and w.task <> ''refresh'' and (w.task in (''arrive'', ''rekey'') or not %3$s)
                order by 1 offset 0
            ) l;',
            'pgscore ' || b.profile::text, work, there
        );
    end if;
    return '';
end
$$;

comment on function pgscore._missing_body(pgscore.binding) is
    'What the apply function does, before it locks rows, about events whose profile is missing';
