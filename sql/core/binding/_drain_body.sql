create function pgscore._drain_body(profile regclass) returns text
language sql stable
set search_path = ''
as $$
    select format(
        '<<here>>
        declare
            taken pgscore.work; work pgscore.work[]; alike boolean; delta text[];
        begin
            %1$s
            if here.work is null then
                return;
            end if;
            -- Events of one profile are what most transactions bring; queries over arrays cost more than the update.
            here.taken := here.work[1];
            here.alike := here.taken.task = ''move'' and cardinality(here.taken.keys) = 1;
            if here.alike and cardinality(here.work) > 1 then
                here.alike := not exists (
                    select from unnest(here.work) w where (w.binding, w.task, w.keys) <> (here.taken.binding, ''move'', here.taken.keys)
                );
            end if;
            if here.alike then
                here.delta := here.taken.deltas[1];
                %2$s
            end if;
            perform %3$s(here.work);
        end',
        pgscore._take_queue(p.number),
        (
            select string_agg(
                format(
                    'if here.taken.binding = %1$s then
                        if cardinality(here.work) > 1 then
                            select array[%2$s]::text[] into here.delta
                            from (select w.deltas[1]::text[] as delta from unnest(here.work) w) u;
                            -- What cancels out is to change nothing.
                            here.alike := array_to_string(here.delta, '''') ~ ''[^-0.]'';
                        end if;
                        if here.alike then
                            %3$s
                            if found then return; end if;
                        end if;
                    end if; ',
                    b.number,
                    (
                        select string_agg(
                            format('(%s)::text', pgscore._folded_delta(r.reducer, r.ordinal, r.typed, r.summed)), ', ' order by r.ordinal
                        )
                        from pgscore._reducers_of(b) r
                    ),
                    pgscore._one_update(b, 'here.taken.keys[1]', 'here.delta')
                ), '' order by b.number
            )
            from pgscore._bindings_of(p.profile) b
            where pgscore._one_update(b, '', '') is not null
        ),
        pgscore._generated_name(p.profile, 'profile', p.number, 'apply')
    )
    from pgscore.bound_profile p where p.profile = _drain_body.profile
$$;

comment on function pgscore._drain_body(regclass) is
    'The body of the function that does at commit what the transaction queued for a profile table';
