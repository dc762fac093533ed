create function pgscore._moved_value(b pgscore.binding, reducer jsonb, kind text, ordinal integer) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    present constant text := format('pgscore_row.%I', reducer ->> 'column');
    grown constant text := pgscore._grown(reducer, present, format('w%s.d%s', b.number, _moved_value.ordinal));
    recounted constant text := format('r%s.v%s', b.number, _moved_value.ordinal);
begin
    return format(
        case
            -- Nothing but events that came tells it; what a new profile brings along is from before.
            when reducer ? 'deletes' and b.timing = 'statement' then 'case when w%1$s.key is null then %2$s else %3$s end'
            when reducer ? 'deletes' then 'case when w%1$s.key is null then %2$s when w%1$s.arrived then coalesce(%2$s, 0) + %4$s else %3$s end'
            when kind = 'look' then 'case when w%1$s.key is null and not here.every_%1$s then %2$s else %4$s end'
            when kind = 'grow' then
                'case when here.every_%1$s or w%1$s.absolute or w%1$s.undone then %4$s when w%1$s.key is null then %2$s else %3$s end'
            else 'case when here.every_%1$s or w%1$s.absolute then %4$s when w%1$s.key is null then %2$s else %3$s end'
        end,
        b.number, present, grown, recounted
    );
end
$$;

comment on function pgscore._moved_value(pgscore.binding, jsonb, text, integer) is
    'SQL for a column of a profile, p, as a reducer leaves it; w and r are what _work_join joins';
