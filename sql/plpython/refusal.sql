create type pgscore_trusted.refusal as (
    sqlstate text,
    message text,
    hint text
);

comment on type pgscore_trusted.refusal is 'Why an artifact was not loaded; NULL where it was';
revoke all on type pgscore_trusted.refusal from public;
