create type pgscore.scored as (
    version integer,
    scores double precision[],
    reasons text[]
);

comment on type pgscore.scored is 'What a version gives for some rows: its number, and a score and a reason of refusal for each row';
grant usage on type pgscore.scored to pgscore_reader;
