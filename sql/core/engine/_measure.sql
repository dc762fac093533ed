create function pgscore._measure(
    model text, version integer, engine text, out one_us double precision, out many_us double precision
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    described constant jsonb := (
        select v.contract -> 'inputs' from pgscore.model_version v
        where v.model = _measure.model and v.version = _measure.version
    );
    -- Each of the runs below ends by then, but for its first statement.
    until constant timestamptz := clock_timestamp() + interval '3 seconds';
    rows integer;
    numbers double precision[];
    texts text[];
    count integer;
    columns text;
    call text;
    source text;
begin
    -- Rows that have a score: the others end before they cost anything.
    select count(*), array_agg(g.numbers) filter (where cardinality(g.numbers) > 0),
        array_agg(g.texts) filter (where cardinality(g.texts) > 0)
    into count, numbers, texts
    from (
        select pgscore._payload_numbers(described, g.inputs) as numbers, pgscore._payload_texts(described, g.inputs) as texts
        from pgscore.golden_row g
        where g.model = _measure.model and g.version = _measure.version and g.expected is not null
        order by g.ordinal
        limit 100
    ) g;
    if count = 0 then
        one_us := 'Infinity';
        many_us := 'Infinity';
        return;
    end if;
    select
        string_agg(
            format(
                '%s[1 + mod(i, %s)][%s] as a%s', case when c.is_text then '($2)' else '($1)' end, count, c.position, c.ordinal
            ),
            ', ' order by c.ordinal
        ),
        pgscore._engine_call(engine, model, version, array_agg('r.a' || c.ordinal order by c.ordinal))
    into columns, call
    from (
        select
            i.ordinal, i.input ->> 'type' = 'text' as is_text,
            row_number() over (partition by i.input ->> 'type' = 'text' order by i.ordinal) as position
        from jsonb_array_elements(described) with ordinality as i (input, ordinal)
    ) c;
    source := format('(select %s from generate_series(1, %s) as g (i) offset 0) r', columns, '%s');
    one_us := greatest(
        0,
        pgscore._time_prepared('select ' || call || ' from ' || format(source, '1'), numbers, texts, 30, until)
        - pgscore._time_prepared('select 0 from ' || format(source, '1'), numbers, texts, 30, until)
    );
    -- What takes long for one row is not asked for many: half a second's worth.
    rows := least(2000, greatest(20, 5e5 / greatest(one_us, 1)));
    many_us := greatest(
        0,
        pgscore._time_statement('select count(' || call || ') from ' || format(source, '$3'), numbers, texts, rows, 3, until)
        - pgscore._time_statement('select count(' || call || ') from ' || format(source, '$3'), numbers, texts, 0, 3, until)
        - pgscore._time_statement('select count(r) from ' || format(source, '$3'), numbers, texts, rows, 3, until)
    ) / rows;
end
$$;

comment on function pgscore._measure(text, integer, text) is
    'How long one engine takes for golden rows in this database: for a row in a statement of its own, and for a row among many';
