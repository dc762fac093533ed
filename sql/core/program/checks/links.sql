create function pgscore._link_outputs(link text, scores integer) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when link in ('logistic', 'sign') then 2
        when link in ('exp', 'expit', 'square_signed') then 1
        else scores
    end
$$;

comment on function pgscore._link_outputs(text, integer) is 'How many outputs a link makes of so many scores';

create function pgscore._link_problem(place text, link jsonb, listed text, scores integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when k.takes is null then format(
            '%s is %s, and "identity", "logistic", "softmax", "one_vs_rest", "sign", "argmax", "exp", "expit", "one_vs_all", "square_signed" or "normalize" is wanted',
            place, pgscore._shown(link)
        )
        when k.takes = 'one' and scores <> 1 then
            format('%s is %s, which takes 1 score, and %s has %s members', place, link, listed, scores)
        when k.takes = 'several' and scores < 2 then
            format('%s is %s, which takes a score for each class, and %s has 1 member', place, link, listed)
    end
    from (values (1)) as o (one)
    left join (values
        ('"identity"'::jsonb, 'any'), ('"one_vs_all"', 'any'),
        ('"logistic"', 'one'), ('"sign"', 'one'), ('"exp"', 'one'), ('"expit"', 'one'), ('"square_signed"', 'one'),
        ('"softmax"', 'several'), ('"one_vs_rest"', 'several'), ('"argmax"', 'several'), ('"normalize"', 'several')
    ) as k (name, takes) on k.name = link
$$;

comment on function pgscore._link_problem(text, jsonb, text, integer) is
    'What is wrong with a link, or with how many scores it is given, listed elsewhere; NULL where nothing is';
