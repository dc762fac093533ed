create function pgscore._answer_body(b pgscore.binding) returns text
language sql stable
set search_path = ''
as $$
    select format(
        'if here.scored_%1$s.version is not null or here.failure_%1$s is not null then
            $5 := $5 || array_fill(%2$L::text, array[here.rows]);
            $6 := $6 || %3$s;
            $7 := $7 || coalesce(here.scored_%1$s.scores, array_fill(null::double precision, array[here.rows]));
            $8 := $8 || array_fill(here.scored_%1$s.version, array[here.rows]);
            $9 := $9 || coalesce(here.scored_%1$s.reasons, array_fill(here.failure_%1$s, array[here.rows]));
        end if; ',
        b.number, b.name,
        format(
            case b.profile_key when t.first_key then 'here.names' else 'array(select (m.moved).%I::text from (select unnest(here.moved) as moved) m)' end,
            b.profile_key
        )
    )
    from (select o.profile_key as first_key from pgscore._bindings_of(b.profile) o limit 1) t
$$;

comment on function pgscore._answer_body(pgscore.binding) is
    'What the apply function does to tell the scores of the model of a binding, or why there are none';
