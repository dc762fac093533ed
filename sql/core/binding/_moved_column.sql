create function pgscore._moved_column(b pgscore.binding, reducer jsonb, value_number integer, delta_number bigint) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    w constant text := 'w' || b.number;
    r constant text := format('r%s.v%s', b.number, value_number);
    present constant text := format('pgscore_row.%I', reducer ->> 'column');
begin
    return format(
        'case when %s.key is null and not here.every_%s then %s else %s end', w, b.number, present,
        case
            when pgscore._is_recounted(reducer, b.events) then r
            -- Nothing but events that came tells it; what a new profile brings along is from before.
            when reducer ? 'deletes' then format(
                'coalesce(%1$s, 0) + case when %2$s.arrived then %3$s else coalesce(%2$s.d%4$s, 0) end',
                present, w, r, delta_number
            )
            else format(
                'case when here.every_%5$s or %2$s.absolute then %3$s else coalesce(%1$s, 0) + coalesce(%2$s.d%4$s, 0) end',
                present, w, r, delta_number, b.number
            )
        end
    );
end
$$;

comment on function pgscore._moved_column(pgscore.binding, jsonb, integer, bigint) is
    'SQL for a column of a profile, pgscore_row, as a reducer leaves it';
