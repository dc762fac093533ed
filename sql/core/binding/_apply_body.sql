create function pgscore._apply_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '#variable_conflict use_column
        <<here>>
        declare
            work pgscore.work[] := $1; taken pgscore.work; slots integer[]; made text[]; missing text;
            locked %1$s[]; moved %1$s[]; item record; one %1$s; touched boolean; changed boolean[]; serving boolean;
            began timestamptz; size integer; answer pgscore.scored; failure text; %2$s
        begin
            %9$s %3$s %4$s
            -- Who deleted a profile that was locked may have made it anew: then it is another row, which no snapshot of here
            -- has seen, or one that is yet to come.
            loop
                %10$s %5$s %6$s
                exit when not (%11$s);
            end loop;
            %7$s
            if here.moved is null then
                return;
            end if;
            %8$s
        end',
        profile, v.variables, pgscore._follow_keys_body(profile), v.first_steps,
        pgscore._meet_body(profile), pgscore._lock_body(profile), pgscore._move_body(profile), pgscore._update_body(profile),
        pgscore._recount_again_body(), v.missing, pgscore._lost_condition(profile)
    )
    from (
        select
            string_agg(
                format(
                    'every_%1$s boolean; counted_%1$s text[]; names_%1$s text[]; scores_%1$s double precision[];'
                    ' versions_%1$s integer[]; reasons_%1$s text[]; ', b.number
                ), '' order by b.number
            ) as variables,
            string_agg(pgscore._settle_body(b), ' ' order by b.number) as first_steps,
            string_agg(pgscore._missing_body(b), ' ' order by b.number) as missing
        from pgscore._bindings_of(profile) b
    ) v
$$;

comment on function pgscore._apply_body(regclass) is
    'The body of the function that moves counters of profiles and stores their scores, for all bindings of a table';
