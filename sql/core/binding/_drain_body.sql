create function pgscore._drain_body(profile regclass) returns text
language sql stable
set search_path = ''
as $$
    select format(
        '<<here>>
        declare
            taken pgscore.work; work pgscore.work[]; delta text[];
        begin
            %1$s
            if here.work is null then
                return;
            end if;
            -- Events of one profile are what most transactions bring; queries over arrays cost more than the update.
            here.taken := here.work[1];
            if cardinality(here.work) = 1 and here.taken.task = ''move'' and cardinality(here.taken.keys) = 1 then
                here.delta := here.taken.deltas[1];
                %2$s
            end if;
            perform %3$s(here.work);
        end',
        pgscore._take_queue(p.number),
        (
            select string_agg(
                format(
                    'if here.taken.binding = %s then %s if found then return; end if; end if; ',
                    b.number, pgscore._one_update(b, 'here.taken.keys[1]', 'here.delta')
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
