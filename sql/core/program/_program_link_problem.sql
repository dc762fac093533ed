create function pgscore._program_link_problem(program jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant text := coalesce(
        pgscore._list_problem('scores', program -> 'scores', 1, 1000),
        pgscore._registers_problem('scores', program -> 'scores', kinds, 'n')
    );
    link constant jsonb := program -> 'link';
begin
    if problem is not null then
        return replace(problem, 'come before it', 'exist');
    elsif link not in ('"identity"', '"logistic"', '"softmax"', '"one_vs_rest"', '"sign"', '"argmax"') then
        return format(
            'link is %s, and "identity", "logistic", "softmax", "one_vs_rest", "sign" or "argmax" is wanted',
            pgscore._shown(link)
        );
    elsif link in ('"logistic"', '"sign"') and jsonb_array_length(program -> 'scores') <> 1 then
        return format(
            'link is %s, which takes 1 score, and scores has %s members', link, jsonb_array_length(program -> 'scores')
        );
    elsif link in ('"softmax"', '"one_vs_rest"', '"argmax"') and jsonb_array_length(program -> 'scores') < 2 then
        return format('link is %s, which takes a score for each class, and scores has 1 member', link);
    elsif program -> 'tie' not in ('"first"', '"last"') then
        return format('tie is %s, and "first" or "last" is wanted', pgscore._shown(program -> 'tie'));
    end if;
    return null;
end
$$;

comment on function pgscore._program_link_problem(jsonb, text) is
    'What is wrong with scores, link and tie of a program whose registers are of these kinds; NULL where nothing is';
