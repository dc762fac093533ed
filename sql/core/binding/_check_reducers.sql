create function pgscore._check_reducers(b pgscore.binding) returns void
language plpgsql stable
set search_path = ''
as $$
declare
    problem text;
begin
    if jsonb_typeof(b.reducers) is distinct from 'array' or jsonb_array_length(b.reducers) > 50 then
        problem := 'reducers are a list of at most 50 such as [{"column": "n", "aggregate": "count"}]';
    else
        select p into problem
        from jsonb_array_elements(b.reducers) with ordinality as e (r, ordinal), pgscore._reducer_problem(r, b.events, b.profile) p
        where p is not null order by ordinal limit 1;
    end if;
    if problem is null then
        select format('model "%s" already scores table %s into column "%s": name the same columns', o.model, b.profile, o.score)
        into problem
        from pgscore._targets_of(b.profile) o
        where o.model = b.model
            and (o.score, o.version, o.scored_at) is distinct from (b.score, b.version, b.scored_at);
    end if;
    if problem is null and b.timing = 'statement' and pgscore._follows_keys(b.events, b.profile) then
        select format('with a foreign key on update cascade and timing statement column "%s" cannot ignore deletes', r ->> 'column')
        into problem
        from jsonb_array_elements(b.reducers) r where r ? 'deletes';
    end if;
    if problem is null then
        -- Each column has one meaning.
        select format('column "%s" of table %s would have two meanings', c.name, b.profile) into problem
        from (
            select r ->> 'column' as name from jsonb_array_elements(b.reducers) r
            union all select n from unnest(array[b.score, b.version, b.scored_at, b.profile_key]) n where n is not null
            union all select k from unnest(pgscore._row_key(b.profile, b.profile_key)) k where k <> b.profile_key
            union all
            select r ->> 'column' from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r
            union all
            select n from pgscore._targets_of(b.profile) o, unnest(array[o.score, o.version, o.scored_at]) n
            where n is not null and o.model <> b.model
        ) c
        group by c.name having count(*) > 1
        order by c.name limit 1;
    end if;
    if problem is not null then
        raise exception '%', problem using errcode = 'invalid_parameter_value';
    end if;
end
$$;

comment on function pgscore._check_reducers(pgscore.binding) is 'Refuses reducers that cannot work, with a sentence that says why';
