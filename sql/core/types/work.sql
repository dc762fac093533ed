create type pgscore.work as (
    binding integer,
    task text,
    keys text[],
    deltas text[]
);

comment on type pgscore.work is 'What a binding has to do with some profiles: what to do, their keys, and for each key what the events add, as a text array with an element for each reducer';
grant usage on type pgscore.work to pgscore_reader;
