create table pgscore.job (
    id bigint generated always as identity primary key,
    owner regrole not null,
    model text not null,
    profile regclass not null,
    binding integer references pgscore.binding (number) on delete cascade,
    target regclass,
    whole boolean not null,
    version integer not null,
    batch integer not null,
    total bigint not null,
    pass integer not null default 1,
    last_key text[],
    handed_out boolean not null default false,
    done bigint not null default 0,
    changed bigint not null default 0,
    refused bigint not null default 0,
    left_out bigint not null default 0,
    started timestamptz not null default now(),
    finished timestamptz,
    constraint batch_is_positive check (batch > 0),
    constraint goes_to_one_place check (binding is null or target is null)
);

-- Who calls again joins the job, or goes on with it.
create unique index job_unfinished on pgscore.job (owner, model, profile, coalesce(target::oid, 0::oid), whole) where finished is null;
create index job_binding on pgscore.job (binding);

comment on table pgscore.job is 'Rescoring: how far it has come; what was interrupted goes on from there, and several sessions share it';
comment on column pgscore.job.id is 'Counts up';
comment on column pgscore.job.owner is 'Who owns what is written: the profile table, or the table that scores go to';
comment on column pgscore.job.model is 'The model';
comment on column pgscore.job.profile is 'The profile table';
comment on column pgscore.job.binding is 'The binding that says where the score goes; NULL where it goes to another table';
comment on column pgscore.job.target is 'The table that scores are written to instead of the profile table';
comment on column pgscore.job.whole is 'Whether every row is scored, and not only those that are outdated, stale or without a score';
comment on column pgscore.job.version is 'The version that served when it began; where another one serves it begins anew';
comment on column pgscore.job.batch is 'How many rows a transaction takes';
comment on column pgscore.job.total is 'How many rows there were to look at when it began; of a large table PostgreSQL''s estimate';
comment on column pgscore.job.pass is 'Counts the times that it went through the table: it looks for what has come meanwhile';
comment on column pgscore.job.last_key is 'The key up to which rows are handed out in this pass, a text for each column';
comment on column pgscore.job.handed_out is 'Whether all rows of this pass are handed out; what is not done of them stands in pgscore.job_part';
comment on column pgscore.job.done is 'How many rows were looked at';
comment on column pgscore.job.changed is 'How many rows were written';
comment on column pgscore.job.refused is 'How many rows the model has refused; those of a binding are listed in pgscore.stale';
comment on column pgscore.job.left_out is 'How many rows were left as they were, because others held them all the time';
comment on column pgscore.job.started is 'When it began';
comment on column pgscore.job.finished is 'When it was through; NULL: it is not, and what it wrote is not all';

create table pgscore.job_part (
    id bigint generated always as identity primary key,
    job bigint not null references pgscore.job (id) on delete cascade,
    first_key text[] not null,
    last_key text[] not null,
    keys text[],
    rows bigint not null,
    round integer not null default 0,
    due timestamptz not null default now()
);

create index job_part_next on pgscore.job_part (job, due, id);

comment on table pgscore.job_part is 'Ranges of keys that are handed out and not done yet: who works on one has it locked, and one whose worker died is taken by the next';
comment on column pgscore.job_part.id is 'Counts up';
comment on column pgscore.job_part.job is 'The job';
comment on column pgscore.job_part.first_key is 'The first key, a text for each column';
comment on column pgscore.job_part.last_key is 'The last key';
comment on column pgscore.job_part.keys is 'Of the range only these rows, which others had locked; NULL: all';
comment on column pgscore.job_part.rows is 'How many rows it had when it was handed out';
comment on column pgscore.job_part.round is 'How often these rows were found locked';
comment on column pgscore.job_part.due is 'When to try it';

-- Rescoring runs with its caller's rights, and keeps here what is about the caller's own tables.
grant select, insert, update, delete on pgscore.job, pgscore.job_part to pgscore_reader;
alter table pgscore.job enable row level security;
alter table pgscore.job_part enable row level security;
create policy own_jobs on pgscore.job
    using (pg_has_role(current_user, owner::oid, 'usage'))
    with check (
        pg_has_role(current_user, owner::oid, 'usage')
        and exists (select from pg_catalog.pg_class c where c.oid = coalesce(target, profile) and c.relowner = job.owner)
    );
create policy operators_read_jobs on pgscore.job for select to pgscore_operator using (true);
create policy own_parts on pgscore.job_part
    using (exists (select from pgscore.job j where j.id = job_part.job and pg_has_role(current_user, j.owner::oid, 'usage')));
create policy operators_read_parts on pgscore.job_part for select to pgscore_operator using (true);

comment on policy own_jobs on pgscore.job is 'The owner of what is written, and members, keep the state of their own jobs';
comment on policy operators_read_jobs on pgscore.job is 'Operators see how far each has come';
comment on policy own_parts on pgscore.job_part is 'They keep what is not done of their own jobs';
comment on policy operators_read_parts on pgscore.job_part is 'Operators see it';
