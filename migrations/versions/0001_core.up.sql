-- core/roles.sql
-- Roles are cluster-wide: another database of the cluster may have made them already.
do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values
            ('pgscore_owner', 'owns the schemas pgscore and pgscore_models and what is in them'),
            ('pgscore_reader', 'may call scores and read the views'),
            ('pgscore_publisher', 'may add versions of models'),
            ('pgscore_operator', 'may promote and route versions, and reads what went wrong'),
            ('pgscore_applier', 'calls what owners of profile tables own, and may do nothing else')
        ) as r (name, says)
        where to_regrole(r.name) is null
    loop
        execute format('create role %I nologin', wanted.name);
        execute format('comment on role %I is %L', wanted.name, 'pgscore: ' || wanted.says);
        if wanted.name in ('pgscore_publisher', 'pgscore_operator') then
            execute format('grant pgscore_reader to %I', wanted.name);
        end if;
    end loop;
    if not pg_has_role('pgscore_owner', 'pgscore_applier', 'member') then
        grant pgscore_applier to pgscore_owner;
    end if;
    -- Whoever migrates makes objects for pgscore_owner; a superuser may do so without being a member.
    if not pg_has_role(current_user, 'pgscore_owner', 'member') then
        execute format('grant pgscore_owner to %I', current_user);
    end if;
end
$$;

-- core/schemas.sql
create schema pgscore authorization pgscore_owner;
create schema pgscore_models authorization pgscore_owner;

comment on schema pgscore is 'Scores of machine-learning models: API, tables, views';
comment on schema pgscore_models is 'Functions that pgscore generates for promoted models';

grant usage on schema pgscore, pgscore_models to pgscore_publisher, pgscore_operator, pgscore_reader;
grant usage on schema pgscore to pgscore_applier;

-- What pgscore_owner makes later, generated functions included, is nobody's until it is granted.
alter default privileges for role pgscore_owner revoke execute on functions from public;
alter default privileges for role pgscore_owner revoke usage on types from public;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- core/tables/model.sql
create table pgscore.model (
    name text primary key,
    serving integer,
    one_engine text,
    many_engine text,
    engine text,
    created_at timestamptz not null default now(),
    created_by name not null default session_user,
    constraint serving_has_engines check ((serving is null) = (one_engine is null) and (serving is null) = (many_engine is null)),
    constraint model_name_is_an_identifier check (name ~ '^[a-z_][a-z0-9_]*$' and octet_length(name) <= 50)
);

comment on table pgscore.model is 'Models by name';
comment on column pgscore.model.name is 'An identifier of at most 50 characters; functions are generated under it';
comment on column pgscore.model.serving is 'The version that answers; NULL until one is promoted';
comment on column pgscore.model.one_engine is 'The engine that scores one row; chosen when the version was promoted';
comment on column pgscore.model.many_engine is 'The engine that scores many rows; chosen when the version was promoted';
comment on column pgscore.model.engine is 'The engine that an operator named for both; NULL where they were chosen by measuring';
comment on column pgscore.model.created_at is 'When its first version was published';
comment on column pgscore.model.created_by is 'The login role that published it first';
grant select on pgscore.model to pgscore_reader;

-- core/tables/model_version.sql
create table pgscore.model_version (
    model text not null references pgscore.model (name),
    version integer not null,
    digest text not null,
    sha256 text not null,
    size bigint not null,
    format text not null,
    contract jsonb not null,
    signature bytea,
    key_id text,
    metrics jsonb not null default '{}',
    published_at timestamptz not null default now(),
    published_by name not null default session_user,
    primary key (model, version),
    constraint version_is_positive check (version > 0),
    constraint digest_is_a_sha256 check (digest ~ '^[0-9a-f]{64}$'),
    constraint sha256_is_one check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint size_fits_a_backend check (size between 1 and 1073741824),
    constraint format_is_known check (format in ('joblib', 'pickle', 'skops')),
    constraint signature_has_a_key check ((signature is null) = (key_id is null)),
    constraint signature_is_ed25519 check (octet_length(signature) = 64),
    constraint metrics_are_an_object check (jsonb_typeof(metrics) = 'object')
);

-- The same artifact and contract may be vouched for by another key: that is another version.
create unique index model_version_digest on pgscore.model_version (model, digest, coalesce(key_id, ''));

alter table pgscore.model add constraint serving_version_exists
    foreign key (name, serving) references pgscore.model_version (model, version);

comment on table pgscore.model_version is 'Versions of models: everything needed to call and to check an artifact. Immutable';
comment on column pgscore.model_version.model is 'The model';
comment on column pgscore.model_version.version is 'Counts from 1 within the model';
comment on column pgscore.model_version.digest is 'Names artifact and contract together; what backends keep estimators under';
comment on column pgscore.model_version.sha256 is 'Hexadecimal sha256 of the artifact; checked whenever it is loaded';
comment on column pgscore.model_version.size is 'Bytes of the artifact, which pgscore.artifact_chunk holds';
comment on column pgscore.model_version.format is 'How the artifact is stored: joblib, pickle or skops';
comment on column pgscore.model_version.contract is 'Inputs with types and nullability, output, library versions';
comment on column pgscore.model_version.signature is 'Ed25519, over sha256 and contract; NULL where it was not signed';
comment on column pgscore.model_version.key_id is 'The key that signed';
comment on column pgscore.model_version.metrics is 'What its publisher says of its quality, by name';
comment on column pgscore.model_version.published_at is 'When it was published';
comment on column pgscore.model_version.published_by is 'The login role that published it';

grant select on pgscore.model_version to pgscore_reader;

-- core/tables/artifact_chunk.sql
create table pgscore.artifact_chunk (
    model text not null,
    version integer not null,
    ordinal integer not null,
    content bytea not null,
    primary key (model, version, ordinal),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint chunk_is_not_empty check (octet_length(content) > 0)
);

-- An artifact is compressed by who wrote it, or not at all: the server need not try again.
alter table pgscore.artifact_chunk alter column content set storage external;

comment on table pgscore.artifact_chunk is 'Artifacts in pieces, so that neither side ever holds one twice. Immutable until pruned';
comment on column pgscore.artifact_chunk.model is 'The model';
comment on column pgscore.artifact_chunk.version is 'The version that the artifact belongs to';
comment on column pgscore.artifact_chunk.ordinal is 'Counts from 1 within the artifact';
comment on column pgscore.artifact_chunk.content is 'The bytes: they may hold what a model learnt about people, so nobody may read them';

-- core/tables/program.sql
create table pgscore.program (
    model text not null,
    version integer not null,
    program jsonb not null,
    digest text not null,
    size integer not null,
    primary key (model, version),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint digest_is_a_sha256 check (digest ~ '^[0-9a-f]{64}$')
);

comment on table pgscore.program is 'Programs: versions as data, that the database computes by itself. Checked before they are stored; immutable';
comment on column pgscore.program.model is 'The model';
comment on column pgscore.program.version is 'The version that it computes';
comment on column pgscore.program.program is 'The document that docs/program.md describes';
comment on column pgscore.program.digest is 'Hexadecimal sha256 of its text; what backends keep it under';
comment on column pgscore.program.size is 'Nodes of its trees, or what takes as long to plan';
grant select on pgscore.program to pgscore_reader;

-- core/tables/golden_row.sql
create table pgscore.golden_row (
    model text not null,
    version integer not null,
    ordinal integer not null,
    inputs jsonb not null,
    expected double precision,
    outputs double precision[],
    scale double precision not null default 0,
    primary key (model, version, ordinal),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint inputs_are_an_object check (jsonb_typeof(inputs) = 'object'),
    constraint scale_is_a_size check (scale >= 0 and scale < 'Infinity')
);

comment on table pgscore.golden_row is 'Example inputs with the scores that the fitted estimator gave. Immutable';
comment on column pgscore.golden_row.model is 'The model';
comment on column pgscore.golden_row.version is 'The version that they travel with';
comment on column pgscore.golden_row.ordinal is 'Counts from 1 within the version';
comment on column pgscore.golden_row.inputs is 'Values by input name';
comment on column pgscore.golden_row.expected is 'What the fitted estimator gave; NULL where it refuses the row';
comment on column pgscore.golden_row.outputs is 'All that it gave: probabilities of the classes and the position of the label, or the value; NULL like the score';
comment on column pgscore.golden_row.scale is 'Sum of the absolute terms that make the score, where it is a sum: a difference is measured by it';

-- They may be rows of real people: for those who answer for models, not for all who read scores.
grant select on pgscore.golden_row to pgscore_publisher, pgscore_operator;

-- core/tables/measurement.sql
create table pgscore.measurement (
    model text not null,
    version integer not null,
    engine text not null,
    one_us double precision not null,
    many_us double precision not null,
    measured_at timestamptz not null default now(),
    primary key (model, version, engine),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint engine_is_known check (engine in ('sql', 'interpreter', 'estimator'))
);

comment on table pgscore.measurement is 'How long engines took for golden rows, in this database, when a version was last promoted';
comment on column pgscore.measurement.model is 'The model';
comment on column pgscore.measurement.version is 'The version';
comment on column pgscore.measurement.engine is 'The engine';
comment on column pgscore.measurement.one_us is 'Microseconds for one row in a statement of its own, on a warm connection';
comment on column pgscore.measurement.many_us is 'Microseconds for a row among many';
comment on column pgscore.measurement.measured_at is 'When it was measured';
grant select on pgscore.measurement to pgscore_reader;

-- core/tables/promotion.sql
create table pgscore.promotion (
    id bigint generated always as identity primary key,
    model text not null,
    version integer not null,
    promoted_at timestamptz not null default now(),
    promoted_by name not null default session_user,
    rolled_back_at timestamptz,
    rolled_back_by name,
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint rolled_back_by_somebody check ((rolled_back_at is null) = (rolled_back_by is null))
);

create index promotion_model on pgscore.promotion (model, id);

comment on table pgscore.promotion is 'Which version answered when: rollback takes the latest back and returns to the one before';
comment on column pgscore.promotion.id is 'Counts up';
comment on column pgscore.promotion.model is 'The model';
comment on column pgscore.promotion.version is 'The version that was promoted';
comment on column pgscore.promotion.promoted_at is 'When';
comment on column pgscore.promotion.promoted_by is 'The login role that promoted it';
comment on column pgscore.promotion.rolled_back_at is 'When it was taken back; NULL where it was not';
comment on column pgscore.promotion.rolled_back_by is 'The login role that took it back';
grant select on pgscore.promotion to pgscore_reader;

-- core/tables/retirement.sql
create table pgscore.retirement (
    model text not null,
    version integer not null,
    retired_at timestamptz not null default now(),
    retired_by name not null default session_user,
    pruned_at timestamptz,
    pruned_by name,
    primary key (model, version),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint pruned_by_somebody check ((pruned_at is null) = (pruned_by is null))
);

comment on table pgscore.retirement is 'Versions that are not to be promoted any more';
comment on column pgscore.retirement.model is 'The model';
comment on column pgscore.retirement.version is 'The version';
comment on column pgscore.retirement.retired_at is 'When it was retired';
comment on column pgscore.retirement.retired_by is 'The login role that retired it';
comment on column pgscore.retirement.pruned_at is 'When its artifact was removed; NULL while it is there';
comment on column pgscore.retirement.pruned_by is 'The login role that removed it';
grant select on pgscore.retirement to pgscore_reader;

-- core/tables/confirmed_type.sql
create table pgscore.confirmed_type (
    model text not null,
    version integer not null,
    type text not null,
    confirmed_at timestamptz not null default now(),
    confirmed_by name not null default session_user,
    primary key (model, version, type),
    foreign key (model, version) references pgscore.model_version (model, version)
);

comment on table pgscore.confirmed_type is 'Types that a skops artifact may make beside those that skops itself trusts, confirmed by an operator';
comment on column pgscore.confirmed_type.model is 'The model';
comment on column pgscore.confirmed_type.version is 'The version';
comment on column pgscore.confirmed_type.type is 'The type''s full name, one of those that the version''s contract names';
comment on column pgscore.confirmed_type.confirmed_at is 'When it was confirmed';
comment on column pgscore.confirmed_type.confirmed_by is 'The login role that confirmed it';
grant select on pgscore.confirmed_type to pgscore_reader;

-- core/tables/model_profile.sql
create table pgscore.model_profile (
    model text not null,
    profile regclass not null,
    primary key (model, profile),
    constraint model_name_is_an_identifier check (model ~ '^[a-z_][a-z0-9_]*$' and octet_length(model) <= 50)
);

comment on table pgscore.model_profile is 'Profile tables that a model scores: typed functions are generated for each';
comment on column pgscore.model_profile.model is 'The model; it need not exist yet';
comment on column pgscore.model_profile.profile is 'A table that has the model''s inputs as columns';
grant select on pgscore.model_profile to pgscore_reader;

-- core/tables/bound_profile.sql
create table pgscore.bound_profile (
    number integer primary key,
    profile regclass not null unique,
    owner regrole not null
);

comment on table pgscore.bound_profile is 'Profile tables that bindings score; each has a queue of its own';
comment on column pgscore.bound_profile.number is 'A small number; names of generated functions, triggers and tables hold it';
comment on column pgscore.bound_profile.profile is 'The table';
comment on column pgscore.bound_profile.owner is 'Who owned it when it was bound: profiles are changed with this role''s rights';
grant select on pgscore.bound_profile to pgscore_reader;

-- core/tables/binding.sql
create table pgscore.binding (
    number integer primary key,
    name text not null unique,
    events regclass not null,
    profile regclass not null,
    profile_number integer not null references pgscore.bound_profile (number),
    model text not null,
    event_key name[] not null,
    profile_key name[] not null,
    reducers jsonb not null,
    score name not null,
    version name,
    scored_at name,
    timing text not null,
    on_error text not null,
    on_missing text not null,
    max_scoring_ms integer,
    log boolean not null,
    events_owner regrole not null,
    profile_owner regrole not null,
    unique (events, profile, model),
    constraint timing_is_known check (timing in ('commit', 'statement')),
    constraint on_error_is_known check (on_error in ('keep', 'abort')),
    constraint on_missing_is_known check (on_missing in ('ignore', 'insert', 'error')),
    constraint max_scoring_ms_is_positive check (max_scoring_ms > 0),
    constraint keys_match check (cardinality(event_key) = cardinality(profile_key)),
    constraint reducers_are_a_list check (jsonb_typeof(reducers) = 'array')
);

comment on table pgscore.binding is 'Ties of an event table to a profile table; pgscore.attach makes them and changes them, because functions are generated from them';
comment on column pgscore.binding.number is 'A small number; names of generated functions and triggers hold it';
comment on column pgscore.binding.name is 'The event table, as it was called when it was bound, and more where that is not unique';
comment on column pgscore.binding.events is 'The table that applications insert into';
comment on column pgscore.binding.profile is 'The table whose counters move and whose rows are scored';
comment on column pgscore.binding.profile_number is 'The number that all bindings of the profile table share';
comment on column pgscore.binding.model is 'The model that scores; it need not exist yet';
comment on column pgscore.binding.event_key is 'The events'' columns that name the profile';
comment on column pgscore.binding.profile_key is 'The profile''s columns that they name';
comment on column pgscore.binding.reducers is 'How events change the profile: [{"column": …, "aggregate": …}]';
comment on column pgscore.binding.score is 'The profile''s column for the score';
comment on column pgscore.binding.version is 'The profile''s column for the version that gave the score';
comment on column pgscore.binding.scored_at is 'The profile''s column for the time of the score';
comment on column pgscore.binding.timing is 'commit: profiles change when the transaction commits; statement: at the end of each statement';
comment on column pgscore.binding.on_error is 'keep: a failing model leaves the row stale; abort: it fails the transaction';
comment on column pgscore.binding.on_missing is 'Events without a profile; ignore: they are counted when it comes; insert: it is made; error: they fail';
comment on column pgscore.binding.max_scoring_ms is 'Milliseconds after which the rest of many rows goes without a score, at the next thousand; NULL: never';
comment on column pgscore.binding.log is 'Whether scores are written to pgscore.prediction_log';
comment on column pgscore.binding.events_owner is 'Who owned the event table when it was bound: its trigger functions have this role''s rights';
comment on column pgscore.binding.profile_owner is 'Who owned the profile table when it was bound';
grant select on pgscore.binding to pgscore_reader;

-- core/tables/stale_row.sql
create table pgscore.stale_row (
    binding integer not null references pgscore.binding (number) on delete cascade,
    key text not null,
    cause text not null default 'score',
    reason text not null,
    since timestamptz not null default now(),
    primary key (binding, key, cause),
    constraint cause_is_known check (cause in ('score', 'backfill'))
);

comment on table pgscore.stale_row is 'Profile rows whose score is not right: they keep their last score until it can be computed';
comment on column pgscore.stale_row.binding is 'The binding';
comment on column pgscore.stale_row.key is 'The key of the profile row';
comment on column pgscore.stale_row.cause is 'score: the model could not score it; backfill: events from before the tables were tied are not counted yet';
comment on column pgscore.stale_row.reason is 'Why, at the last try';
comment on column pgscore.stale_row.since is 'When it first failed since it last succeeded';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select, insert, update, delete on pgscore.stale_row to pgscore_reader;
alter table pgscore.stale_row enable row level security;
create policy own_bindings on pgscore.stale_row
    using (
        exists (
            select from pgscore.binding b
            where b.number = stale_row.binding and pg_get_userbyid(b.profile_owner) = current_user
        )
    );

comment on policy own_bindings on pgscore.stale_row is 'The owner of a profile table keeps the list of its rows; the view pgscore.stale shows all of them';

create view pgscore.stale as
select b.name as binding, s.key, s.reason, s.since
from pgscore.stale_row s join pgscore.binding b on b.number = s.binding;

comment on view pgscore.stale is 'Profile rows whose score is not right, with the reason and the time since when';
comment on column pgscore.stale.binding is 'The binding';
comment on column pgscore.stale.key is 'The key of the profile row';
comment on column pgscore.stale.reason is 'Why, at the last try';
comment on column pgscore.stale.since is 'When it first failed since it last succeeded';
grant select on pgscore.stale to pgscore_operator;

-- core/tables/reconciliation.sql
create table pgscore.reconciliation (
    binding integer primary key references pgscore.binding (number) on delete cascade,
    repair boolean not null,
    last_key text,
    checked bigint not null default 0,
    differing bigint not null default 0,
    started timestamptz not null default now(),
    finished timestamptz
);

comment on table pgscore.reconciliation is 'How far the comparison of counters with events has come; one that was interrupted goes on from there';
comment on column pgscore.reconciliation.binding is 'The binding';
comment on column pgscore.reconciliation.repair is 'Whether it mends what differs';
comment on column pgscore.reconciliation.last_key is 'The key of the last profile that was compared';
comment on column pgscore.reconciliation.checked is 'How many profiles were compared';
comment on column pgscore.reconciliation.differing is 'How many of them held other counters than their events give';
comment on column pgscore.reconciliation.started is 'When it began';
comment on column pgscore.reconciliation.finished is 'When it came to the last profile; NULL: it has not';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select, insert, update, delete on pgscore.reconciliation to pgscore_reader;
alter table pgscore.reconciliation enable row level security;
create policy own_bindings on pgscore.reconciliation
    using (
        exists (
            select from pgscore.binding b
            where b.number = reconciliation.binding and pg_get_userbyid(b.profile_owner) = current_user
        )
    );
create policy read_all on pgscore.reconciliation for select to pgscore_operator using (true);

comment on policy own_bindings on pgscore.reconciliation is 'The owner of a profile table keeps the state of its rows';
comment on policy read_all on pgscore.reconciliation is 'Operators see how far each has come';

-- core/tables/prediction_log.sql
create table pgscore.prediction_log (
    id bigint generated always as identity primary key,
    logged_at timestamptz not null default clock_timestamp(),
    model text not null,
    version integer not null,
    binding text,
    key text,
    score double precision
);

comment on table pgscore.prediction_log is 'Scores that bindings stored, in the transactions that stored them';
comment on column pgscore.prediction_log.id is 'Counts up';
comment on column pgscore.prediction_log.logged_at is 'When the score was computed';
comment on column pgscore.prediction_log.model is 'The model';
comment on column pgscore.prediction_log.version is 'The version that gave the score';
comment on column pgscore.prediction_log.binding is 'The binding that stored it';
comment on column pgscore.prediction_log.key is 'The key of the profile row';
comment on column pgscore.prediction_log.score is 'The score; NULL where an input is NULL that the model does not accept';
grant select on pgscore.prediction_log to pgscore_operator;

-- Functions of a profile table's owner write here, each for its own bindings.
grant insert (model, version, binding, key, score) on pgscore.prediction_log to pgscore_reader;
alter table pgscore.prediction_log enable row level security;
create policy read_all on pgscore.prediction_log for select to pgscore_operator using (true);
create policy own_bindings on pgscore.prediction_log for insert
    with check (
        exists (
            select from pgscore.binding b
            where b.name = prediction_log.binding and b.model = prediction_log.model
                and pg_get_userbyid(b.profile_owner) = current_user
        )
    );

comment on policy read_all on pgscore.prediction_log is 'Operators read what all bindings logged';
comment on policy own_bindings on pgscore.prediction_log is 'The owner of a profile table logs scores of its rows';

-- core/types/scored.sql
create type pgscore.scored as (
    version integer,
    scores double precision[],
    reasons text[]
);

comment on type pgscore.scored is 'What a version gives for some rows: its number, and a score and a reason of refusal for each row';
grant usage on type pgscore.scored to pgscore_reader;

-- core/types/work.sql
create type pgscore.work as (
    binding integer,
    task text,
    keys text[],
    deltas text[]
);

comment on type pgscore.work is 'What a binding has to do with some profiles: what to do, their keys, and for each key what the events add, as a text array with an element for each reducer';
grant usage on type pgscore.work to pgscore_reader;

-- core/types/generated_function.sql
create type pgscore.generated_function as (
    name text,
    names text[],
    types text[],
    returns text,
    posture text,
    body text,
    says text
);

comment on type pgscore.generated_function is
    'A function as it is to be: qualified name, names and types of its arguments, what it returns, language and so on, body, comment';

-- core/functions/_refuse_change.sql
create function pgscore._refuse_change() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '% of pgscore.% is refused: what was published does not change', lower(tg_op), tg_table_name
        using errcode = 'object_not_in_prerequisite_state',
              hint = 'Publish a new version instead.';
end
$$;

comment on function pgscore._refuse_change() is 'Keeps versions, artifacts, programs and golden rows immutable, for their owner too';

create trigger immutable before update or delete or truncate on pgscore.model_version
    for each statement execute function pgscore._refuse_change();
create trigger immutable before update or delete or truncate on pgscore.golden_row
    for each statement execute function pgscore._refuse_change();
create trigger immutable before update or delete or truncate on pgscore.program
    for each statement execute function pgscore._refuse_change();
create trigger immutable before update or truncate on pgscore.artifact_chunk
    for each statement execute function pgscore._refuse_change();

comment on trigger immutable on pgscore.model_version is 'Versions do not change';
comment on trigger immutable on pgscore.golden_row is 'Golden rows do not change';
comment on trigger immutable on pgscore.program is 'Programs do not change';
comment on trigger immutable on pgscore.artifact_chunk is 'Artifacts do not change';

-- core/functions/_refuse_pruning.sql
create function pgscore._refuse_pruning() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from pgscore.retirement r
        where r.model = old.model and r.version = old.version and r.pruned_at is not null
    ) then
        return old;
    end if;
    raise exception 'delete of pgscore.artifact_chunk is refused: model "%" version % is not retired and pruned',
        old.model, old.version
        using errcode = 'object_not_in_prerequisite_state', hint = 'pgscore.prune removes artifacts.';
end
$$;

comment on function pgscore._refuse_pruning() is 'Keeps artifacts, for their owner too, until pgscore.prune has marked them';

create trigger immutable_until_pruned before delete on pgscore.artifact_chunk
    for each row execute function pgscore._refuse_pruning();

comment on trigger immutable_until_pruned on pgscore.artifact_chunk is 'Only what was retired and pruned is removed';

-- core/functions/_check_artifact.sql
create function pgscore._check_artifact() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant bigint := (
        select v.size from pgscore.model_version v where v.model = new.model and v.version = new.version
    );
    -- Read from the heads of the values: no byte of an artifact is fetched.
    stored constant bigint := coalesce(
        (
            select sum(octet_length(c.content)) from pgscore.artifact_chunk c
            where c.model = new.model and c.version = new.version
        ),
        0
    );
begin
    if stored <> wanted then
        raise exception 'model "%" version % has % of % bytes of its artifact', new.model, new.version, stored, wanted
            using errcode = 'data_exception', hint = 'Publish it again: nothing of it was stored.';
    end if;
    return null;
end
$$;

comment on function pgscore._check_artifact() is 'At commit: refuses a version whose artifact is not there as a whole';

create constraint trigger artifact_is_complete after insert on pgscore.model_version
    deferrable initially deferred
    for each row execute function pgscore._check_artifact();
create constraint trigger artifact_is_complete after insert on pgscore.artifact_chunk
    deferrable initially deferred
    for each row execute function pgscore._check_artifact();

comment on trigger artifact_is_complete on pgscore.model_version is 'A version comes with its whole artifact';
comment on trigger artifact_is_complete on pgscore.artifact_chunk is 'An artifact that has come back after pruning is whole';

-- core/functions/_check_contract.sql
create function pgscore._check_contract(contract jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        jsonb_typeof(contract -> 'inputs') = 'array'
        and jsonb_array_length(contract -> 'inputs') between 1 and 1600
        and (
            select bool_and(
                jsonb_typeof(i.input -> 'name') = 'string'
                and octet_length(i.input ->> 'name') between 1 and 63
                and i.input ->> 'type' in ('double precision', 'text', 'boolean')
                and jsonb_typeof(i.input -> 'nullable') = 'boolean'
            ) and count(distinct i.input ->> 'name') = count(*)
            from jsonb_array_elements(contract -> 'inputs') as i (input)
        )
        and contract #>> '{output,kind}' in ('probability', 'indicator', 'value')
        and jsonb_typeof(contract #> '{output,classes}') = 'array'
        and jsonb_typeof(contract -> 'libraries') = 'object'
        and jsonb_typeof(contract -> 'types') = 'array',
        false
    )
$$;

comment on function pgscore._check_contract(jsonb) is 'Whether a contract has the parts that the database itself relies on';

alter table pgscore.model_version
    add constraint contract_is_complete check (pgscore._check_contract(contract));

-- core/functions/_existing_version.sql
create function pgscore._existing_version(model text, version integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found constant integer := (
        select max(v.version) from pgscore.model_version v
        where v.model = _existing_version.model
            and (_existing_version.version is null or v.version = _existing_version.version)
    );
begin
    if found is null and version is not null and exists (select from pgscore.model m where m.name = model) then
        raise exception 'model "%" has no version %', model, version
            using errcode = 'undefined_object', hint = format('`pgscore show %s` lists its versions.', model);
    elsif found is null then
        raise exception 'model % is unknown', coalesce('"' || model || '"', 'NULL')
            using errcode = 'undefined_object', hint = '`pgscore list` shows the models.';
    end if;
    return found;
end
$$;

comment on function pgscore._existing_version(text, integer) is
    'The version, or the latest where none is named; refused where there is none';

-- core/functions/_refuse_pruned.sql
create function pgscore._refuse_pruned(model text, version integer) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from pgscore.retirement r
        where r.model = _refuse_pruned.model and r.version = _refuse_pruned.version and r.pruned_at is not null
    ) then
        raise exception 'model "%" version % was pruned: its artifact is gone', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Publish the same file again to bring it back.';
    end if;
end
$$;

comment on function pgscore._refuse_pruned(text, integer) is 'Refuses a version whose artifact and functions were removed';

-- core/functions/_number.sql
-- Beyond these ends, which are the middles between the last doubles and what is no double, the cast raises an error.
create function pgscore._number(value numeric) returns double precision
language sql immutable parallel safe
return case
    when abs(value) between 2.4703282292062327209e-324 and 1.7976931348623158079372897140530341e308
        or value = 0 or value in ('NaN', 'Infinity', '-Infinity')
    then value::double precision
    when abs(value) < 1 then 0
    else sign(value)::double precision * 'Infinity'::double precision
end;

comment on function pgscore._number(numeric) is
    'The nearest double, where the cast would raise an error: past the largest it is infinite, below the least 0';
grant execute on function pgscore._number(numeric) to pgscore_reader;

-- core/functions/_payload_value.sql
create function pgscore._payload_value(payload jsonb, name text, type text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    value constant jsonb := payload -> name;
    kind constant text := jsonb_typeof(value);
    plain constant text := value #>> '{}';
begin
    if value is null then
        raise exception 'the row has no input "%"', name
            using errcode = 'undefined_column',
                  hint = 'Give it as null where it is not known.';
    end if;
    -- No number as short as 300 characters is beyond what a double holds.
    if kind = 'number' and type = 'double precision' and length(plain) > 300 then
        return case pgscore._number(plain::numeric)
            when 'Infinity' then 'Infinity' when '-Infinity' then '-Infinity' when 0 then '0' else plain
        end;
    elsif kind = 'null'
        or (type = 'text' and kind = 'string')
        or (type = 'boolean' and kind = 'boolean')
        or (type = 'double precision' and (kind = 'number' or plain in ('NaN', 'Infinity', '-Infinity')))
    then
        return plain;
    end if;
    raise exception 'input "%" is the % %, and the model wants %', name, kind, value, type
        using errcode = 'datatype_mismatch';
end
$$;

comment on function pgscore._payload_value(jsonb, text, text) is
    'One input out of a JSON object, refused where it is missing or of another type than the contract''s';
grant execute on function pgscore._payload_value(jsonb, text, text) to pgscore_reader;

-- core/functions/_payload_numbers.sql
create function pgscore._payload_numbers(inputs jsonb, payload jsonb) returns double precision[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        array_agg(
            case i.input ->> 'type'
                when 'boolean' then pgscore._payload_value(payload, i.input ->> 'name', 'boolean')::boolean::integer
                else pgscore._payload_value(payload, i.input ->> 'name', 'double precision')::double precision
            end
            order by i.ordinal
        ),
        '{}'
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    where i.input ->> 'type' <> 'text'
$$;

comment on function pgscore._payload_numbers(jsonb, jsonb) is
    'The number inputs of a contract out of a JSON object, booleans as 0 and 1, in the contract''s order';
grant execute on function pgscore._payload_numbers(jsonb, jsonb) to pgscore_reader;

-- core/functions/_payload_texts.sql
create function pgscore._payload_texts(inputs jsonb, payload jsonb) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        array_agg(pgscore._payload_value(payload, i.input ->> 'name', 'text') order by i.ordinal), '{}'
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    where i.input ->> 'type' = 'text'
$$;

comment on function pgscore._payload_texts(jsonb, jsonb) is
    'The text inputs of a contract out of a JSON object, in the contract''s order';
grant execute on function pgscore._payload_texts(jsonb, jsonb) to pgscore_reader;

-- core/functions/generated.sql
-- Generated functions: written where they are not there, replaced where they differ, left alone where they do not, so
-- that nothing is locked for nothing.

create function pgscore._publish_function(signature text, says text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('comment on function %s is %L', signature, says);
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to pgscore_reader', signature);
end
$$;

comment on function pgscore._publish_function(text, text) is
    'Gives a generated function its comment and its only privilege: readers may call it';

create function pgscore._is_generated(f pgscore.generated_function) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_proc p
        where p.oid = to_regprocedure(format('%s(%s)', f.name, array_to_string(f.types, ', ')))
            and p.prosrc = f.body and obj_description(p.oid, 'pg_proc') = f.says
            and (p.proparallel = 's') = (f.posture like '%parallel safe%')
    )
$$;

comment on function pgscore._is_generated(pgscore.generated_function) is 'Whether a function stands in the database as it is to be';

create function pgscore._create_function(f pgscore.generated_function) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- Bodies are parsed when they run: to look at columns now would wait for whoever alters the table.
set check_function_bodies = off
as $$
declare
    signature constant text := format('%s(%s)', f.name, array_to_string(f.types, ', '));
    is_new constant boolean := to_regprocedure(signature) is null;
begin
    if pgscore._is_generated(f) then
        return;
    end if;
    -- The body is a literal, never dollar-quoted: names of inputs and categories stand in it, and could end the quote.
    execute format(
        'create or replace function %s(%s) returns %s language %s as %L', f.name,
        (select string_agg(a.name || ' ' || a.type, ', ' order by a.ordinal)
            from unnest(f.names, f.types) with ordinality as a (name, type, ordinal)),
        f.returns, f.posture, f.body
    );
    if is_new then
        perform pgscore._publish_function(signature, f.says);
    else
        execute format('comment on function %s is %L', signature, f.says);
    end if;
end
$$;

comment on function pgscore._create_function(pgscore.generated_function) is
    'Writes a generated function with its comment, or replaces it; what stands as it is to be is not touched';

-- core/functions/columns.sql
-- Columns of profile tables as inputs of models. This SQL stands in functions that are inlined, so it is parsed under
-- the search_path of whoever asks for a score: it names schemas, also of types and operators, and casts of the
-- grammar's own types only. Nor does it follow any other setting.

create function pgscore._real(value real) returns double precision
-- Cheap on paper only: a dear argument would keep scores from being inlined.
language plpgsql immutable strict parallel safe cost 1
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
begin
    return value::text::double precision;
end
$$;

comment on function pgscore._real(real) is
    'A real as drivers and JSON show it, whatever the session''s extra_float_digits: 1.1 is 1.1, not 1.10000002384186';
grant execute on function pgscore._real(real) to pgscore_reader;

create function pgscore._profile_column(
    profile regclass, input jsonb, source text,
    out expression text, out compared text, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := input ->> 'type';
    reference text;
    declared text;
    base regtype;
    modifier integer;
    kind "char";
    category "char";
    is_domain boolean := false;
begin
    select
        source || '.' || quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod
    into reference, declared, base, modifier
    from pg_catalog.pg_attribute a
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        sqlstate := '42703';
        message := format('table %s has no column "%s", which the model reads', profile, input ->> 'name');
        return;
    end if;
    loop
        select t.typtype, t.typcategory into kind, category from pg_catalog.pg_type t where t.oid = base;
        exit when kind <> 'd';
        is_domain := true;
        select t.typbasetype, t.typtypmod into base, modifier from pg_catalog.pg_type t where t.oid = base;
    end loop;
    -- Of numeric: as PostgreSQL keeps precision and scale.
    modifier := modifier - 4;
    if wanted = 'text' and base = 'character'::regtype then
        -- Padded, as drivers hand it over; the cast would trim it.
        expression := format('pg_catalog.textin(pg_catalog.bpcharout(%s))', reference);
    elsif wanted = 'text' and category = 'E' and is_domain then
        expression := format('case when %1$s is not null then pg_catalog.concat(%1$s) end', reference);
    elsif wanted = 'text' and category = 'E' then
        -- Not by a cast: the type's owner may have made one.
        expression := format('pg_catalog.textin(pg_catalog.enum_out(%s))', reference);
    elsif wanted = 'text' and category = 'S' then
        expression := reference || '::pg_catalog.text';
    elsif wanted = 'boolean' and category = 'B' then
        expression := reference || '::integer::double precision';
    elsif wanted = 'double precision' and base = 'real'::regtype then
        expression := format('pgscore._real(%s)', reference);
        compared := reference || '::double precision';
    elsif wanted = 'double precision' and base = 'numeric'::regtype and not (
        modifier >= 0
        -- Digits before the point, and behind it; the scale has a sign from PostgreSQL 15 on.
        and (modifier >> 16) - (((modifier & 2047) # 1024) - 1024) <= 308
        and (((modifier & 2047) # 1024) - 1024) <= 323
    ) then
        expression := format('pgscore._number(%s)', reference);
    elsif wanted = 'double precision' and base in (
        'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'double precision'::regtype
    ) then
        expression := reference || '::double precision';
    else
        sqlstate := '42804';
        message := format(
            'column "%s" of table %s is of type %s, which cannot serve as %s', input ->> 'name', profile, declared, wanted
        );
        hint := 'Fit the model on the column as it is, or tie a view or table that has the type it wants.';
    end if;
    -- Texts by their bytes: a model tells apart what a collation may hold for equal.
    compared := case wanted when 'text' then format('(%s) collate pg_catalog."C"', expression) else coalesce(compared, expression) end;
end
$$;

comment on function pgscore._profile_column(regclass, jsonb, text) is
    'SQL for one input of a contract, read from a row of the profile table that stands under the name in source, and SQL to compare two of them by; or why the table has none';

create function pgscore._profile_expression(profile regclass, input jsonb, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select c.expression from pgscore._profile_column(profile, input, source) c
$$;

comment on function pgscore._profile_expression(regclass, jsonb, text) is
    'SQL for one input of a contract, read from a row of a profile table; NULL where its columns cannot serve';

create function pgscore._profile_arguments(profile regclass, inputs jsonb, source text) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(pgscore._profile_expression(profile, i.input, source) order by i.ordinal)
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
$$;

comment on function pgscore._profile_arguments(regclass, jsonb, text) is
    'SQL for each input of a contract, read from a row of the profile table that stands under the name in source';

create function pgscore._profile_problem(
    profile regclass, inputs jsonb, out sqlstate text, out message text, out hint text
)
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select c.sqlstate, c.message, c.hint
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal),
        pgscore._profile_column(profile, i.input, 'p') c
    where c.message is not null
    order by i.ordinal
    limit 1
$$;

comment on function pgscore._profile_problem(regclass, jsonb) is
    'Why a table''s rows cannot be scored by a model with these inputs; NULL where they can';
grant execute on function
    pgscore._profile_column(regclass, jsonb, text), pgscore._profile_problem(regclass, jsonb)
    to pgscore_reader;

create function pgscore._ordinary_columns(profile regclass, inputs jsonb) returns boolean[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        coalesce(a.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype), false)
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    left join pg_catalog.pg_attribute a
        on a.attrelid = profile and a.attname = i.input ->> 'name' and a.attnum > 0 and not a.attisdropped
$$;

comment on function pgscore._ordinary_columns(regclass, jsonb) is
    'For each input of a contract, whether its column in a profile table can hold neither a huge nor a tiny number';

create function pgscore._inputs_differ(profile regclass, inputs jsonb, former text, present text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- What `is distinct from` says; which operator that takes is for the search_path to choose.
    select string_agg(
        format('not coalesce(%1$s operator(pg_catalog.=) %2$s, %1$s is null and %2$s is null)', f.compared, p.compared),
        ' or ' order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal),
        pgscore._profile_column(profile, i.input, former) f,
        pgscore._profile_column(profile, i.input, present) p
$$;

comment on function pgscore._inputs_differ(regclass, jsonb, text, text) is
    'SQL that says whether two rows of a profile table differ in what a model reads of them';

-- core/functions/late.sql
-- What answers where no function was generated for a table's rows, or one that names another version: slower, by way of
-- JSON, which each promotion replaces; and never another score.

create function pgscore._no_answer(model text) returns double precision
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from pgscore.model m where m.name = _no_answer.model) then
        raise exception 'model "%" has no promoted version', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('An operator runs select pgscore.promote(%L, version).', model);
    end if;
    raise exception 'model % is unknown', coalesce('"' || model || '"', 'NULL')
        using errcode = 'undefined_object',
              hint = 'select name, serving from pgscore.model lists the models.';
end
$$;

comment on function pgscore._no_answer(text) is 'Says why no version answers for a model';

create function pgscore._refuse_misfit(model text, row_type regtype) returns void
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem record;
begin
    select p.* into problem
    from pgscore.model m
    join pgscore.model_version v on v.model = m.name and v.version = m.serving
    join pg_catalog.pg_type t on t.oid = row_type and t.typrelid <> 0
    cross join lateral pgscore._profile_problem(t.typrelid, v.contract -> 'inputs') p
    where m.name = _refuse_misfit.model;
    if problem.message is not null then
        raise exception '%', problem.message using errcode = problem.sqlstate, hint = coalesce(problem.hint, '');
    end if;
end
$$;

comment on function pgscore._refuse_misfit(text, regtype) is
    'Refuses rows of a table whose columns cannot serve as the inputs of the version that answers, with table and column';

create function pgscore._late_score(model text, profile anyelement) returns double precision
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    payload constant jsonb := to_jsonb(profile);
begin
    perform pgscore._refuse_misfit(model, pg_typeof(profile));
    return case when payload is not null then pgscore.score(model, payload) end;
end
$$;

comment on function pgscore._late_score(text, anyelement) is
    'The score of a row of a table for which no function names the version that answers';

create function pgscore._late_rescore(model text, present anyelement) returns double precision[]
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    answer constant pgscore.scored := pgscore._late_rows(model, array[present]);
begin
    return case when answer.version is not null then array[answer.scores[1], answer.version] end;
end
$$;

comment on function pgscore._late_rescore(text, anyelement) is
    'Score and version of a row of a table for which no function names the version that answers; NULL where no version is promoted';

create function pgscore._late_rows(model text, profiles anyarray) returns pgscore.scored
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    answer pgscore.scored;
begin
    perform pgscore._refuse_misfit(model, t.typelem) from pg_catalog.pg_type t where t.oid = pg_typeof(profiles);
    select max((s.given).version), array_agg((s.given).scores[1]), array_agg((s.given).reasons[1])
    into answer
    from (select pgscore._scored(model, to_jsonb(p)) as given from unnest(profiles) as p offset 0) s;
    return case when answer.version is not null then answer end;
end
$$;

comment on function pgscore._late_rows(text, anyarray) is
    'Scores of rows of a table for which no function names the version that answers, with that version and reasons; NULL where none is promoted';

grant execute on function
    pgscore._no_answer(text), pgscore._refuse_misfit(text, regtype), pgscore._late_score(text, anyelement),
    pgscore._late_rescore(text, anyelement), pgscore._late_rows(text, anyarray)
    to pgscore_reader;

-- core/types/bare_expression.sql
create type pgscore.bare_expression as (
    guard text,
    expression text,
    wraps text[]
);

comment on type pgscore.bare_expression is
    'SQL that is right for ordinary rows: for those that pass the guard (NULL: all), NULL where it is not sure; what its arguments are wrapped in (NULL: nothing)';

-- core/program/_is_number.sql
-- 1e400 and 1e-400 are numbers in JSON, and no doubles.
create function pgscore._is_number(value jsonb) returns boolean
language sql immutable parallel safe
return case
    when jsonb_typeof(value) = 'number'
    then value::numeric = 0 or abs(value::numeric) between 4.95e-324 and 1.7976931348623157e308
    else false
end;

comment on function pgscore._is_number(jsonb) is 'Whether JSON is a number that a double can hold';

-- core/program/_is_integer.sql
create function pgscore._is_integer(value jsonb, low integer, high integer) returns boolean
language sql immutable parallel safe
return case
    when jsonb_typeof(value) = 'number' then scale(value::numeric) = 0 and value::numeric between low and high
    else false
end;

comment on function pgscore._is_integer(jsonb, integer, integer) is
    'Whether JSON is an integer within these ends, written as one';

-- core/program/_is_text.sql
create function pgscore._is_text(value jsonb) returns boolean
language sql immutable parallel safe
return case when jsonb_typeof(value) = 'string' then octet_length(value #>> '{}') <= 1000 else false end;

comment on function pgscore._is_text(jsonb) is 'Whether JSON is a text of at most 1,000 bytes';

-- core/program/_shown.sql
create function pgscore._shown(value jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when value is null then 'absent'
        when jsonb_typeof(value) in ('array', 'object') then
            case jsonb_typeof(value) when 'array' then 'a list' else 'an object' end
        when length(value::text) > 60 then left(value::text, 60) || '…'
        else value::text
    end
$$;

comment on function pgscore._shown(jsonb) is 'A value as messages show it: short, on one line';

-- core/program/_fields_problem.sql
create function pgscore._fields_problem(place text, value jsonb, required text[], optional text[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when jsonb_typeof(value) is distinct from 'object' then
            format('%s is %s, and an object is wanted', place, pgscore._shown(value))
        else coalesce(
            (
                select format('%s has no field "%s"', place, f.name)
                from unnest(required) with ordinality as f (name, ordinal)
                where value -> f.name is null
                order by f.ordinal limit 1
            ),
            (
                select format('%s has a field %s, which programs do not have', place, pgscore._shown(to_jsonb(k.name)))
                from jsonb_object_keys(value) as k (name)
                where k.name <> all (required || optional)
                order by k.name collate "C" limit 1
            )
        )
    end
$$;

comment on function pgscore._fields_problem(text, jsonb, text[], text[]) is
    'What is wrong with the fields of an object: one is missing, or one is not known; NULL where nothing is';

-- core/program/_list_problem.sql
create function pgscore._list_problem(place text, value jsonb, low integer, high integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when jsonb_typeof(value) is distinct from 'array' then
            format('%s is %s, and a list is wanted', place, pgscore._shown(value))
        when jsonb_array_length(value) not between low and high then
            format('%s has %s members, and may have %s to %s', place, jsonb_array_length(value), low, high)
    end
$$;

comment on function pgscore._list_problem(text, jsonb, integer, integer) is
    'What is wrong with a list as a whole: it is none, or has too few or too many members; NULL where nothing is';

-- core/program/_keys_problem.sql
create function pgscore._keys_problem(place text, value jsonb, type text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := pgscore._list_problem(place, value, 0, 1000000);
    ordinal bigint;
begin
    if problem is not null then
        return problem;
    end if;
    -- Never compared before all are of the type.
    if type in ('text', 'string') then
        select format('%s[%s] is %s, and a text of at most 1,000 bytes is wanted', place, k.ordinal - 1, pgscore._shown(k.key))
        into problem
        from jsonb_array_elements(value) with ordinality as k (key, ordinal)
        where not pgscore._is_text(k.key)
        order by k.ordinal limit 1;
        if problem is null then
            select k.ordinal into ordinal
            from (
                select e.ordinal, e.key, lag(e.key) over (order by e.ordinal) as former
                from jsonb_array_elements_text(value) with ordinality as e (key, ordinal)
            ) k
            where k.key collate "C" <= k.former
            order by k.ordinal limit 1;
        end if;
    else
        select format('%s[%s] is %s, and a finite number is wanted', place, k.ordinal - 1, pgscore._shown(k.key))
        into problem
        from jsonb_array_elements(value) with ordinality as k (key, ordinal)
        where not pgscore._is_number(k.key)
        order by k.ordinal limit 1;
        if problem is null then
            select k.ordinal into ordinal
            from (
                select e.ordinal, e.key, lag(e.key) over (order by e.ordinal) as former
                from (
                    select m.ordinal, m.key::double precision as key
                    from jsonb_array_elements(value) with ordinality as m (key, ordinal)
                ) e
            ) k
            where k.key <= k.former
            order by k.ordinal limit 1;
        end if;
    end if;
    if ordinal is not null then
        problem := format('%s[%s] is not behind the member before it: they are sorted and unique', place, ordinal - 1);
    end if;
    return problem;
end
$$;

comment on function pgscore._keys_problem(text, jsonb, text) is
    'What is wrong with a sorted, unique list of texts (type text, or string as JSON says) or of numbers (any other); NULL where nothing is';

-- core/program/_registers_problem.sql
create function pgscore._registers_problem(place text, value jsonb, kinds text, wanted text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- Cases, because PostgreSQL keeps no order in conditions.
    select case
        when not pgscore._is_integer(e.value, 0, length(kinds) - 1) then
            format(
                '%s is %s, and only registers 0 to %s come before it',
                place || e.position, pgscore._shown(e.value), length(kinds) - 1
            )
        else
            format(
                '%s is %s, a register that holds a %s, and a %s is wanted',
                place || e.position, pgscore._shown(e.value),
                case wanted when 'n' then 'text' else 'number' end, case wanted when 'n' then 'number' else 'text' end
            )
    end
    from (
        select m.value, '[' || m.ordinal - 1 || ']' as position, m.ordinal
        from jsonb_array_elements(case jsonb_typeof(value) when 'array' then value else '[]' end)
            with ordinality as m (value, ordinal)
        union all
        select value, '', 1 where jsonb_typeof(value) <> 'array'
    ) e
    where case
        when pgscore._is_integer(e.value, 0, length(kinds) - 1) then
            wanted <> '*' and substr(kinds, e.value::integer + 1, 1) <> wanted
        else true
    end
    order by e.ordinal limit 1
$$;

comment on function pgscore._registers_problem(text, jsonb, text, text) is
    'What is wrong with a register, or a list of registers, that is read where registers of these kinds (n: number, t: text) exist; wanted is n, t, or * for either';

-- core/program/_program_inputs_problem.sql
create function pgscore._program_inputs_problem(inputs jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := pgscore._list_problem('inputs', inputs, 1, 1600);
    input jsonb;
    place text;
    type text;
    field text;
    names text[] := '{}';
    ordinal integer := 0;
begin
    if problem is not null then
        return problem;
    end if;
    for input in select i.value from jsonb_array_elements(inputs) with ordinality as i (value, ordinal) order by i.ordinal loop
        place := format('inputs[%s]', ordinal);
        problem := pgscore._fields_problem(
            place, input, array['name', 'type', 'nullable'], array['minimum', 'maximum', 'known']
        );
        if problem is not null then
            return problem;
        end if;
        if jsonb_typeof(input -> 'name') <> 'string' or octet_length(input ->> 'name') not between 1 and 63 then
            return format('%s.name is %s, and a text of 1 to 63 bytes is wanted', place, pgscore._shown(input -> 'name'));
        elsif jsonb_typeof(input -> 'type') <> 'string'
            or input ->> 'type' not in ('double precision', 'text', 'boolean')
        then
            return format(
                '%s.type is %s, and "double precision", "text" or "boolean" is wanted',
                place, pgscore._shown(input -> 'type')
            );
        elsif jsonb_typeof(input -> 'nullable') <> 'boolean' then
            return format('%s.nullable is %s, and true or false is wanted', place, pgscore._shown(input -> 'nullable'));
        end if;
        type := input ->> 'type';
        foreach field in array array['minimum', 'maximum'] loop
            if input ? field and type = 'text' then
                return format('%s.%s is given for a text', place, field);
            elsif input ? field and not pgscore._is_number(input -> field) then
                return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(input -> field));
            end if;
        end loop;
        if (input -> 'minimum')::double precision > (input -> 'maximum')::double precision then
            return format('%s.minimum is above its maximum', place);
        end if;
        if input ? 'known' then
            problem := pgscore._keys_problem(place || '.known', input -> 'known', type);
            if problem is not null then
                return problem;
            end if;
        end if;
        names := names || (input ->> 'name');
        ordinal := ordinal + 1;
    end loop;
    select format('inputs[%s].name is %s, as that of an input before it', n.ordinal - 1, pgscore._shown(to_jsonb(n.name)))
    into problem
    from (
        select u.ordinal, u.name, row_number() over (partition by u.name collate "C" order by u.ordinal) as nth
        from unnest(names) with ordinality as u (name, ordinal)
    ) n
    where n.nth = 2
    order by n.ordinal limit 1;
    return problem;
end
$$;

comment on function pgscore._program_inputs_problem(jsonb) is 'What is wrong with the inputs of a program; NULL where nothing is';

-- core/program/_program_trees_problem.sql
create function pgscore._program_trees_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant integer := 4000000;
    problem text;
    field text;
    outputs integer;
    nodes integer;
    roots integer[];
    feature integer[];
    sets_of integer[];
    lefts integer[];
    rights integer[];
    targets integer[];
    number_of_values integer;
    reads text[];
    set_kinds text[] := '{}';
    member jsonb;
    frontier integer[];
    depth integer := 0;
begin
    problem := pgscore._fields_problem(
        place, step,
        array['step', 'of', 'precision', 'base', 'roots', 'target', 'feature', 'threshold', 'set', 'missing_left', 'left',
            'right', 'values', 'sets'],
        array['divide']
    );
    problem := coalesce(
        problem,
        pgscore._list_problem(place || '.of', step -> 'of', 1, 100000),
        pgscore._list_problem(place || '.base', step -> 'base', 1, 1000),
        pgscore._list_problem(place || '.roots', step -> 'roots', 0, most),
        pgscore._list_problem(place || '.feature', step -> 'feature', 0, most),
        pgscore._list_problem(place || '.values', step -> 'values', 0, most),
        pgscore._list_problem(place || '.sets', step -> 'sets', 0, most)
    );
    if problem is not null then
        return problem;
    end if;
    problem := pgscore._registers_problem(place || '.of', step -> 'of', kinds, '*');
    if problem is not null then
        return problem;
    end if;
    if jsonb_typeof(step -> 'precision') <> 'string' or step ->> 'precision' <> 'float64' then
        return format('%s.precision is %s, and "float64" is wanted', place, pgscore._shown(step -> 'precision'));
    elsif step ? 'divide' and not pgscore._is_number(step -> 'divide') then
        return format('%s.divide is %s, and a finite number is wanted', place, pgscore._shown(step -> 'divide'));
    elsif (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    end if;
    outputs := jsonb_array_length(step -> 'base');
    nodes := jsonb_array_length(step -> 'feature');
    number_of_values := jsonb_array_length(step -> 'values');
    foreach field in array array['threshold', 'set', 'missing_left', 'left', 'right'] loop
        problem := pgscore._list_problem(place || '.' || field, step -> field, nodes, nodes);
        if problem is not null then
            return problem;
        end if;
    end loop;
    problem := pgscore._list_problem(
        place || '.target', step -> 'target', jsonb_array_length(step -> 'roots'), jsonb_array_length(step -> 'roots')
    );
    if problem is not null then
        return problem;
    end if;
    -- First that all are of the right type, each kind of list in one pass.
    foreach field in array array['base', 'values'] loop
        select format('%s.%s[%s] is %s, and a finite number is wanted', place, field, e.ordinal - 1, pgscore._shown(e.value))
        into problem
        from jsonb_array_elements(step -> field) with ordinality as e (value, ordinal)
        where not pgscore._is_number(e.value)
        order by e.ordinal limit 1;
        if problem is not null then
            return problem;
        end if;
    end loop;
    select format('%s.threshold[%s] is %s, and a finite number or null is wanted', place, e.ordinal - 1, pgscore._shown(e.value))
    into problem
    from jsonb_array_elements(step -> 'threshold') with ordinality as e (value, ordinal)
    where jsonb_typeof(e.value) <> 'null' and not pgscore._is_number(e.value)
    order by e.ordinal limit 1;
    if problem is not null then
        return problem;
    end if;
    for field, problem in
        select f.name, p.problem
        from (values
            ('roots', 0, nodes - 1), ('target', -1, outputs - 1), ('feature', -1, jsonb_array_length(step -> 'of') - 1),
            ('set', -1, jsonb_array_length(step -> 'sets') - 1), ('missing_left', 0, 1),
            ('left', 0, greatest(nodes, number_of_values)), ('right', -1, nodes - 1)
        ) as f (name, low, high)
        cross join lateral (
            select format(
                '%s.%s[%s] is %s, and an integer from %s to %s is wanted',
                place, f.name, e.ordinal - 1, pgscore._shown(e.value), f.low, f.high
            )
            from jsonb_array_elements(step -> f.name) with ordinality as e (value, ordinal)
            where not pgscore._is_integer(e.value, f.low, f.high)
            order by e.ordinal limit 1
        ) as p (problem)
    loop
        return problem;
    end loop;
    for member in select s.value from jsonb_array_elements(step -> 'sets') with ordinality as s (value, ordinal) order by s.ordinal loop
        field := format('%s.sets[%s]', place, cardinality(set_kinds));
        problem := pgscore._keys_problem(
            field, member, case when jsonb_typeof(member) = 'array' then jsonb_typeof(member -> 0) end
        );
        if problem is not null then
            return problem;
        end if;
        -- An empty set holds texts as well as numbers.
        set_kinds := set_kinds || case when jsonb_array_length(member) = 0 then '*' when jsonb_typeof(member -> 0) = 'string' then 't' else 'n' end;
    end loop;

    -- Now they are arrays.
    roots := translate((step -> 'roots')::text, '[]', '{}')::integer[];
    targets := translate((step -> 'target')::text, '[]', '{}')::integer[];
    feature := translate((step -> 'feature')::text, '[]', '{}')::integer[];
    sets_of := translate((step -> 'set')::text, '[]', '{}')::integer[];
    lefts := translate((step -> 'left')::text, '[]', '{}')::integer[];
    rights := translate((step -> 'right')::text, '[]', '{}')::integer[];
    select array_agg(substr(kinds, o.value::integer + 1, 1) order by o.ordinal) into reads
    from jsonb_array_elements(step -> 'of') with ordinality as o (value, ordinal);

    select case
        when n.feature = -1 and n.threshold is not null then
            format('%s.threshold[%s] is given for a leaf', place, n.node)
        when n.feature = -1 and n.set_of <> -1 then format('%s.set[%s] is given for a leaf', place, n.node)
        when n.feature = -1 and n.right_child <> -1 then
            format('%s.right[%s] is %s, and -1 is wanted for a leaf', place, n.node, n.right_child)
        when n.feature = -1 then
            format('%s.left[%s] is %s, and there are %s values', place, n.node, n.left_child, number_of_values)
        when n.left_child not between n.node + 1 and nodes - 1 then
            format('%s.left[%s] is %s, and children stand behind their parent', place, n.node, n.left_child)
        when n.right_child not between n.node + 1 and nodes - 1 then
            format('%s.right[%s] is %s, and children stand behind their parent', place, n.node, n.right_child)
        when n.set_of = -1 and n.threshold is null then
            format('%s.threshold[%s] is null for a node that tests no set', place, n.node)
        when n.set_of <> -1 and n.threshold is not null then
            format('%s.threshold[%s] is given for a node that tests a set', place, n.node)
        when n.set_of = -1 then
            format('%s.feature[%s] is %s, which is a text, and its node has a threshold', place, n.node, n.feature)
        else
            format('%s.set[%s] is %s, which is not of the kind of what its node tests', place, n.node, n.set_of)
    end
    into problem
    from (
        select
            u.ordinal::integer - 1 as node, u.feature, u.set_of, u.left_child, u.right_child,
            nullif(jsonb_typeof(u.threshold), 'null') as threshold
        from rows from (
            unnest(feature), unnest(sets_of), unnest(lefts), unnest(rights), jsonb_array_elements(step -> 'threshold')
        ) with ordinality as u (feature, set_of, left_child, right_child, threshold, ordinal)
    ) n
    where case
        when n.feature = -1 then
            n.threshold is not null or n.set_of <> -1 or n.right_child <> -1 or n.left_child >= number_of_values
        else
            n.left_child not between n.node + 1 and nodes - 1
            or n.right_child not between n.node + 1 and nodes - 1
            or (n.set_of = -1) = (n.threshold is null)
            or n.set_of = -1 and reads[n.feature + 1] = 't'
            or n.set_of <> -1 and set_kinds[n.set_of + 1] not in ('*', reads[n.feature + 1])
    end
    order by n.node limit 1;
    if problem is not null then
        return problem;
    end if;

    -- Each node is a root or the child of exactly one.
    select case count(used.node)
        when 0 then format('%s: node %s is neither a root nor a child', place, node.number)
        else format('%s: node %s is the child of several, or a root and a child', place, node.number)
    end
    into problem
    from generate_series(0, nodes - 1) as node (number)
    left join (
        select r.node from unnest(roots) as r (node)
        union all
        select u.child from unnest(feature, lefts) as u (feature, child) where u.feature <> -1
        union all
        select u.child from unnest(feature, rights) as u (feature, child) where u.feature <> -1
    ) as used on used.node = node.number
    group by node.number
    having count(used.node) <> 1
    order by node.number limit 1;
    if problem is not null then
        return problem;
    end if;

    -- Level by level: the depth.
    frontier := roots;
    while cardinality(frontier) > 0 loop
        if depth > 1000 then
            return format('%s: a tree is deeper than 1,000', place);
        end if;
        select array_agg(c.child) into frontier
        from unnest(frontier) as f (node), lateral (values (lefts[f.node + 1]), (rights[f.node + 1])) as c (child)
        where feature[f.node + 1] <> -1;
        depth := depth + 1;
    end loop;
    if -1 = any (targets) then
        with recursive below as (
            select r.root as node from unnest(roots, targets) as r (root, target) where r.target = -1
            union all
            select c.child from below b, lateral (values (lefts[b.node + 1]), (rights[b.node + 1])) as c (child)
            where feature[b.node + 1] <> -1
        )
        select format(
            '%s.left[%s] is %s, and its leaf holds %s of the %s values',
            place, b.node, lefts[b.node + 1], outputs, number_of_values
        )
        into problem
        from below b
        where feature[b.node + 1] = -1 and lefts[b.node + 1] + outputs > number_of_values
        order by b.node limit 1;
    end if;
    return problem;
end
$$;

comment on function pgscore._program_trees_problem(text, jsonb, text) is
    'What is wrong with a trees step where registers of these kinds exist; NULL where nothing is';

-- core/program/_program_step_problem.sql
create function pgscore._program_step_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := case when jsonb_typeof(step -> 'step') = 'string' then step ->> 'step' end;
    problem text;
    field text;
    wanted text;
    numbers text[] := '{}';
begin
    if jsonb_typeof(step) is distinct from 'object' then
        return pgscore._fields_problem(place, step, '{}', '{}');
    elsif name = 'trees' then
        return pgscore._program_trees_problem(place, step, kinds);
    end if;
    case name
        when 'affine' then
            numbers := array['subtract', 'divide', 'multiply', 'add'];
            problem := pgscore._fields_problem(place, step, array['step', 'of'], numbers);
        when 'clip' then
            numbers := array['minimum', 'maximum'];
            problem := pgscore._fields_problem(place, step, array['step', 'of'], numbers);
        when 'function' then
            problem := pgscore._fields_problem(place, step, array['step', 'of', 'name'], '{}');
        when 'fill' then
            problem := pgscore._fields_problem(place, step, array['step', 'of', 'with'], '{}');
        when 'missing' then
            problem := pgscore._fields_problem(place, step, array['step', 'of'], '{}');
        when 'lookup' then
            problem := pgscore._fields_problem(
                place, step, array['step', 'of', 'keys', 'values', 'unknown', 'missing'], '{}'
            );
        when 'linear' then
            problem := pgscore._fields_problem(place, step, array['step', 'of', 'weights', 'intercept'], '{}');
        else
            return format('%s.step is %s, which is no step of programs', place, pgscore._shown(step -> 'step'));
    end case;
    if problem is not null then
        return problem;
    end if;

    if name = 'linear' then
        problem := coalesce(
            pgscore._list_problem(place || '.of', step -> 'of', 0, 100000),
            pgscore._registers_problem(place || '.of', step -> 'of', kinds, 'n'),
            pgscore._list_problem(
                place || '.weights', step -> 'weights', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
            ),
            (
                select format(
                    '%s.weights[%s] is %s, and a finite number is wanted', place, w.ordinal - 1, pgscore._shown(w.value)
                )
                from jsonb_array_elements(step -> 'weights') with ordinality as w (value, ordinal)
                where not pgscore._is_number(w.value)
                order by w.ordinal limit 1
            )
        );
        numbers := array['intercept'];
    else
        wanted := case when name in ('fill', 'missing', 'lookup') then '*' else 'n' end;
        problem := case
            when not pgscore._is_integer(step -> 'of', 0, length(kinds) - 1) or wanted = 'n' then
                pgscore._registers_problem(place || '.of', step -> 'of', kinds, wanted)
        end;
        if problem is null and jsonb_typeof(step -> 'of') <> 'number' then
            problem := format('%s.of is %s, and a register is wanted', place, pgscore._shown(step -> 'of'));
        end if;
    end if;
    if problem is not null then
        return problem;
    end if;
    foreach field in array numbers loop
        if step ? field and not pgscore._is_number(step -> field) then
            return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(step -> field));
        end if;
    end loop;

    if name = 'clip' and not step ?| numbers then
        return format('%s has neither a minimum nor a maximum', place);
    elsif name = 'clip' and (step -> 'minimum')::double precision > (step -> 'maximum')::double precision then
        return format('%s.minimum is above its maximum', place);
    elsif name = 'affine' and (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    elsif name = 'function' and step -> 'name' not in ('"abs"', '"sqrt"', '"square"') then
        return format('%s.name is %s, and "abs", "sqrt" or "square" is wanted', place, pgscore._shown(step -> 'name'));
    elsif name in ('fill', 'lookup') then
        wanted := substr(kinds, (step -> 'of')::integer + 1, 1);
    end if;
    if name = 'fill' and not (
        case wanted when 't' then pgscore._is_text(step -> 'with') else pgscore._is_number(step -> 'with') end
    ) then
        return format(
            '%s.with is %s, and a %s is wanted', place, pgscore._shown(step -> 'with'),
            case wanted when 't' then 'text of at most 1,000 bytes' else 'finite number' end
        );
    elsif name = 'lookup' then
        problem := coalesce(
            pgscore._keys_problem(place || '.keys', step -> 'keys', case wanted when 't' then 'text' else 'number' end),
            pgscore._list_problem(
                place || '.values', step -> 'values', jsonb_array_length(step -> 'keys'), jsonb_array_length(step -> 'keys')
            ),
            (
                select format(
                    '%s is %s, and a finite number or null is wanted', v.place, pgscore._shown(v.value)
                )
                from (
                    select format('%s.values[%s]', place, e.ordinal - 1), e.value, e.ordinal
                    from jsonb_array_elements(step -> 'values') with ordinality as e (value, ordinal)
                    union all
                    select format('%s.%s', place, e.field), step -> e.field, 1000001
                    from unnest(array['unknown', 'missing']) as e (field)
                ) as v (place, value, ordinal)
                where jsonb_typeof(v.value) <> 'null' and not pgscore._is_number(v.value)
                order by v.ordinal limit 1
            )
        );
    end if;
    return problem;
end
$$;

comment on function pgscore._program_step_problem(text, jsonb, text) is
    'What is wrong with a step where registers of these kinds (n: number, t: text) exist; NULL where nothing is';

-- core/program/_step_kinds.sql
create function pgscore._step_kinds(step jsonb, kinds text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case step ->> 'step'
        when 'trees' then repeat('n', jsonb_array_length(step -> 'base'))
        when 'fill' then substr(kinds, (step -> 'of')::integer + 1, 1)
        else 'n'
    end
$$;

comment on function pgscore._step_kinds(jsonb, text) is
    'The kinds (n: number, t: text) of the registers that a valid step defines, where registers of these kinds exist';

-- core/program/_program_link_problem.sql
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

-- core/program/_program_problem.sql
create function pgscore._program_problem(program jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
    kinds text;
    step jsonb;
    ordinal integer := 0;
    registers_read bigint := 0;
    keys bigint;
    nodes bigint := 0;
begin
    if program is null then
        return 'the program is NULL';
    end if;
    problem := pgscore._fields_problem(
        'the program', program, array['program', 'inputs', 'steps', 'scores', 'link', 'tie'], '{}'
    );
    if problem is not null then
        return problem;
    elsif not pgscore._is_integer(program -> 'program', 1, 1) then
        return format('program is %s, and this database knows 1', pgscore._shown(program -> 'program'));
    elsif octet_length(program::text) > 64 * 1024 * 1024 then
        return 'the program is larger than 64 MB';
    end if;
    problem := coalesce(
        pgscore._program_inputs_problem(program -> 'inputs'), pgscore._list_problem('steps', program -> 'steps', 0, 10000)
    );
    if problem is not null then
        return problem;
    end if;

    select
        string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal),
        coalesce(sum(jsonb_array_length(i.input -> 'known')), 0)
    into kinds, keys
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        problem := pgscore._program_step_problem(format('steps[%s]', ordinal), step, kinds);
        if problem is not null then
            return problem;
        end if;
        registers_read := registers_read
            + case jsonb_typeof(step -> 'of') when 'array' then jsonb_array_length(step -> 'of') else 1 end;
        if step ->> 'step' = 'lookup' then
            keys := keys + jsonb_array_length(step -> 'keys');
        elsif step ->> 'step' = 'trees' then
            nodes := nodes + jsonb_array_length(step -> 'feature');
            keys := keys + coalesce(
                (select sum(jsonb_array_length(m.value)) from jsonb_array_elements(step -> 'sets') as m (value)), 0
            );
        end if;
        problem := case
            when registers_read > 100000 then 'steps read more than 100,000 registers together'
            when keys > 1000000 then 'known values, keys and sets have more than 1,000,000 members together'
            when nodes > 4000000 then 'trees have more than 4,000,000 nodes together'
        end;
        if problem is not null then
            return format('steps[%s]: %s', ordinal, problem);
        end if;
        kinds := kinds || pgscore._step_kinds(step, kinds);
        ordinal := ordinal + 1;
    end loop;
    if keys > 1000000 then
        return 'inputs: known values have more than 1,000,000 members together';
    end if;
    return pgscore._program_link_problem(program, kinds);
end
$$;

comment on function pgscore._program_problem(jsonb) is
    'Why JSON is no valid program, in one sentence that names the place; NULL where it is one. It trusts nothing and raises nothing';

-- core/program/_program_contract_problem.sql
create function pgscore._program_contract_problem(program jsonb, contract jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    classes constant integer := jsonb_array_length(contract #> '{output,classes}');
    kind constant text := contract #>> '{output,kind}';
    link constant text := program ->> 'link';
    wanted constant integer := case kind when 'value' then 1 else classes end;
    outputs constant integer := case
        when link in ('logistic', 'sign') then 2 else jsonb_array_length(program -> 'scores')
    end;
    problem text;
begin
    select case
        when p.input is null then format('inputs has %s members, and the contract %s', p.ordinal - 1, jsonb_array_length(contract -> 'inputs'))
        when p.promised is null then format('inputs has more members than the contract, which has %s', p.ordinal - 1)
        else format(
            'inputs[%s].%s is %s, and the contract says %s', p.ordinal - 1, f.name,
            pgscore._shown(p.input -> f.name), pgscore._shown(p.promised -> f.name)
        )
    end
    into problem
    from rows from (
        jsonb_array_elements(program -> 'inputs'), jsonb_array_elements(contract -> 'inputs')
    ) with ordinality as p (input, promised, ordinal),
    unnest(array['name', 'type', 'nullable']) with ordinality as f (name, position)
    where p.input -> f.name is distinct from p.promised -> f.name
    order by p.ordinal, f.position limit 1;
    if problem is not null then
        return problem;
    elsif outputs <> wanted then
        return format('link "%s" gives %s outputs, and the contract has %s', link, outputs, case kind
            when 'value' then 'one value' else format('%s classes', classes) end);
    elsif (kind = 'value' and link <> 'identity')
        or (kind = 'indicator' and link not in ('sign', 'argmax'))
        or (kind = 'probability' and link not in ('identity', 'logistic', 'softmax', 'one_vs_rest'))
    then
        return format('link "%s" does not fit an output of kind "%s"', link, kind);
    end if;
    return null;
end
$$;

comment on function pgscore._program_contract_problem(jsonb, jsonb) is
    'Where a valid program departs from a complete contract: its inputs, outputs or link; NULL where it does not';

-- core/program/_program_size.sql
create function pgscore._program_size(program jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select 2 * jsonb_array_length(program -> 'inputs') + coalesce(sum(
        case s.step ->> 'step'
            when 'trees' then jsonb_array_length(s.step -> 'feature')
            when 'linear' then 3 * jsonb_array_length(s.step -> 'of')
            when 'lookup' then 2 * jsonb_array_length(s.step -> 'keys') + 3
            else 3
        end
    ), 0)::integer
    from jsonb_array_elements(program -> 'steps') as s (step)
$$;

comment on function pgscore._program_size(jsonb) is
    'How large the SQL of a valid program is, in nodes of its trees or what takes as long to plan';

-- core/program/_add.sql
create function pgscore._add(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Halves are exact where the sum can overflow.
    if abs(a) > 1 and abs(b) > 1 and abs(a * 0.5::double precision + b * 0.5::double precision) >= power('2'::double precision, 1023) then
        return nullif(sign(a * 0.5::double precision + b * 0.5::double precision) * 'Infinity'::double precision, 'NaN');
    end if;
    return nullif(a + b, 'NaN');
end
$$;

comment on function pgscore._add(double precision, double precision) is
    'a + b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite. NULL where it is no number';
grant execute on function pgscore._add(double precision, double precision) to pgscore_reader;

-- core/program/_multiply.sql
create function pgscore._multiply(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    large constant double precision := greatest(abs(a), abs(b));
    small constant double precision := least(abs(a), abs(b));
begin
    if a is null or b is null or large = 'NaN' then
        return null;
    elsif large = 'Infinity' or small = 0 then
        return nullif(a * b, 'NaN');
    elsif small > 1 and large > '1.797693134862315e308'::double precision / small then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    elsif large < 1 and small < '5e-324'::double precision / large then
        return 0;
    end if;
    return a * b;
end
$$;

comment on function pgscore._multiply(double precision, double precision) is
    'a · b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._multiply(double precision, double precision) to pgscore_reader;

-- core/program/_divide.sql
create function pgscore._divide(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if a is null or b is null or a = 'NaN' or b = 'NaN' then
        return null;
    elsif b = 0 then
        return case when a <> 0 then sign(a) * 'Infinity'::double precision end;
    elsif abs(b) = 'Infinity' then
        return case when abs(a) <> 'Infinity' then 0 end;
    elsif abs(a) = 'Infinity' or a = 0 then
        return a / b;
    elsif abs(b) < 1 and abs(a) > '1.797693134862315e308'::double precision * abs(b) then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    elsif abs(b) > 1 and abs(a) < 1 and abs(a) < '5e-324'::double precision * abs(b) then
        return 0;
    end if;
    return a / b;
end
$$;

comment on function pgscore._divide(double precision, double precision) is
    'a / b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._divide(double precision, double precision) to pgscore_reader;

-- core/program/_exp.sql
create function pgscore._exp(a double precision) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when a = 'NaN' then null
        when a > '709.782712893384' then 'Infinity'
        when a < '-745.13' then 0
        else exp(a)
    end
$$;

comment on function pgscore._exp(double precision) is
    'exp(a) as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._exp(double precision) to pgscore_reader;

-- core/program/_weighted_sum.sql
create function pgscore._weighted_sum(
    start double precision, numbers double precision[], weights double precision[]
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    total double precision := start;
    number double precision;
    weight double precision;
begin
    for position in 1 .. cardinality(numbers) loop
        number := numbers[position];
        weight := weights[position];
        if abs(number) between '1e-150' and '1e150' and abs(weight) between '1e-150' and '1e150' and abs(total) < '1e305' then
            total := total + number * weight;
        else
            total := pgscore._add(total, pgscore._multiply(number, weight));
        end if;
    end loop;
    return total;
end
$$;

comment on function pgscore._weighted_sum(double precision, double precision[], double precision[]) is
    'start + Σ number · weight, from left to right, as IEEE doubles. NULL where it is no number';
grant execute on function pgscore._weighted_sum(double precision, double precision[], double precision[]) to pgscore_reader;

-- core/program/_outputs.sql
create function pgscore._outputs(link text, scores double precision[]) returns double precision[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    outputs double precision[] := '{}';
    score double precision;
    largest constant double precision := (select max(s) from unnest(scores) s);
    total double precision := 0;
    probability double precision;
begin
    if link = 'identity' then
        return scores;
    elsif link = 'sign' then
        return case when scores[1] > 0 then '{0,1}' else '{1,0}' end;
    elsif link = 'argmax' then
        -- As numpy does, which takes what is no number for the largest.
        outputs := array_fill(0::double precision, array[cardinality(scores)]);
        outputs[coalesce(array_position(scores, null), array_position(scores, largest))] := 1;
        return outputs;
    elsif array_position(scores, null) is not null then
        return array_fill(null::double precision, array[case link when 'logistic' then 2 else cardinality(scores) end]);
    elsif link = 'logistic' then
        probability := pgscore._divide(1, pgscore._add(1, pgscore._exp(-scores[1])));
        return array[1 - probability, probability];
    end if;
    -- What cannot raise is computed at once; the functions that never raise are slow.
    foreach score in array scores loop
        if link = 'softmax' then
            score := case
                when abs(score) < '1e300' and abs(largest) < '1e300' then score - largest else pgscore._add(score, -largest) end;
            score := case when score > -700 then exp(score) else pgscore._exp(score) end;
        else
            score := case
                when abs(score) < 700 then 1 / (1 + exp(-score))
                else pgscore._divide(1, pgscore._add(1, pgscore._exp(-score)))
            end;
        end if;
        outputs := outputs || score;
        total := total + score;
    end loop;
    if total = 0 then  -- each of them underflows: scikit-learn's answer
        return array_fill(1 / cardinality(scores)::double precision, array[cardinality(scores)]);
    end if;
    for position in 1 .. cardinality(outputs) loop
        outputs[position] := case
            when outputs[position] > '1e-300' then outputs[position] / total
            else pgscore._divide(outputs[position], total)
        end;
    end loop;
    return outputs;
end
$$;

comment on function pgscore._outputs(text, double precision[]) is
    'What a link makes of scores; NULL in the place of what is no number';
grant execute on function pgscore._outputs(text, double precision[]) to pgscore_reader;

-- core/program/_literal.sql
create function pgscore._literal(number double precision) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    select coalesce(quote_literal(number::text), 'null') || '::double precision'
$$;

comment on function pgscore._literal(double precision) is 'SQL for exactly this double; never a bare number, which would be numeric';

-- core/program/_array_literal.sql
create function pgscore._array_literal(members jsonb, type text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    select case type
        when 'text' then
            quote_literal(array(
                select m.value from jsonb_array_elements_text(members) with ordinality as m (value, ordinal) order by m.ordinal
            )::text) || '::text[]'
        else
            quote_literal(array(
                select m.value::double precision
                from jsonb_array_elements(members) with ordinality as m (value, ordinal) order by m.ordinal
            )::text) || '::double precision[]'
    end
$$;

comment on function pgscore._array_literal(jsonb, text) is
    'SQL for the array of a list of texts (type text) or of finite numbers (any other)';

-- core/program/_tested.sql
create function pgscore._tested(expression text, kind text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case kind when 't' then '(' || expression || ' collate "C")' else expression end
$$;

comment on function pgscore._tested(text, text) is 'SQL for a register of a kind (n: number, t: text) that is compared: texts by code points';

-- core/program/_lookup_expression.sql
create function pgscore._lookup_expression(tested text, keys text[], branches text[], unknown text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    many constant integer := cardinality(keys);
    middle constant integer := many / 2;
begin
    if many = 0 then
        return unknown;
    elsif many <= 8 then
        return 'case ' || (
            select string_agg(format('when %s = %s then %s', tested, k.key, k.branch), ' ' order by k.ordinal)
            from unnest(keys, branches) with ordinality as k (key, branch, ordinal)
        ) || format(' else %s end', unknown);
    end if;
    -- Keys are sorted.
    return format(
        'case when %s <= %s then %s else %s end',
        tested, keys[middle],
        pgscore._lookup_expression(tested, keys[:middle], branches[:middle], unknown),
        pgscore._lookup_expression(tested, keys[middle + 1:], branches[middle + 1:], unknown)
    );
end
$$;

comment on function pgscore._lookup_expression(text, text[], text[], text) is
    'SQL that looks a value up among sorted keys, all given as SQL; halves them while they are more than eight';

-- core/program/_lookup.sql
create function pgscore._lookup(step jsonb, tested text, is_text boolean, may_miss boolean) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    compared constant text := case when is_text then '(' || tested || ' collate "C")' else tested end;
    found text;
begin
    found := pgscore._lookup_expression(
        compared,
        array(
            select case when is_text then quote_literal(k.key #>> '{}') || '::text' else pgscore._literal(k.key::double precision) end
            from jsonb_array_elements(step -> 'keys') with ordinality as k (key, ordinal) order by k.ordinal
        ),
        array(
            select pgscore._literal(v.value::double precision)
            from (
                select nullif(e.value, 'null') as value, e.ordinal
                from jsonb_array_elements(step -> 'values') with ordinality as e (value, ordinal)
            ) v
            order by v.ordinal
        ),
        pgscore._literal((nullif(step -> 'unknown', 'null'))::double precision)
    );
    if may_miss then
        found := format(
            'case when %s is null then %s else %s end',
            tested, pgscore._literal((nullif(step -> 'missing', 'null'))::double precision), found
        );
    end if;
    return found;
end
$$;

comment on function pgscore._lookup(jsonb, text, boolean, boolean) is
    'SQL for a lookup step of what is given as SQL, NULL where it is missing';

-- core/program/_leaves_are_bounded.sql
create function pgscore._leaves_are_bounded(step jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(max(abs(v.value::double precision)), 0) < '1e300'::double precision
    from (
        select l.value from jsonb_array_elements(step -> 'values') as l (value)
        union all
        select b.value from jsonb_array_elements(step -> 'base') as b (value)
    ) v
$$;

comment on function pgscore._leaves_are_bounded(jsonb) is
    'Whether no sum of a trees step can overflow: 4,000,000 leaves below 1e300 stay below 1e307';

-- core/program/_tree_expressions.sql
create function pgscore._tree_expressions(step jsonb, tests text[], may_miss boolean[], output integer) returns text[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    feature constant integer[] := translate((step -> 'feature')::text, '[]', '{}')::integer[];
    thresholds constant double precision[] := translate((step -> 'threshold')::text, '[]', '{}')::double precision[];
    sets constant integer[] := translate((step -> 'set')::text, '[]', '{}')::integer[];
    missing_left constant integer[] := translate((step -> 'missing_left')::text, '[]', '{}')::integer[];
    lefts constant integer[] := translate((step -> 'left')::text, '[]', '{}')::integer[];
    rights constant integer[] := translate((step -> 'right')::text, '[]', '{}')::integer[];
    leaves constant double precision[] := translate((step -> 'values')::text, '[]', '{}')::double precision[];
    roots constant integer[] := translate((step -> 'roots')::text, '[]', '{}')::integer[];
    targets constant integer[] := translate((step -> 'target')::text, '[]', '{}')::integer[];
    members text[];
    nodes text[] := array_fill(null::text, array[cardinality(feature)]);
    -- For nodes of trees that add to the output, which of the leaf's values they add.
    place integer[] := array_fill(null::integer, array[cardinality(feature)]);
    answers text[] := '{}';
    tested text;
    condition text;
begin
    select array_agg(
        case
            when jsonb_array_length(s.value) > 0 then
                pgscore._array_literal(s.value, case jsonb_typeof(s.value -> 0) when 'string' then 'text' else 'number' end)
        end
        order by s.ordinal
    )
    into members
    from jsonb_array_elements(step -> 'sets') with ordinality as s (value, ordinal);

    for number in 1 .. cardinality(roots) loop
        if targets[number] in (-1, output) then
            place[roots[number] + 1] := case targets[number] when -1 then output else 0 end;
        end if;
    end loop;
    -- Children stand behind their parent: forwards it tells them, backwards they are there when it wants them.
    for node in 1 .. cardinality(feature) loop
        if feature[node] <> -1 and place[node] is not null then
            place[lefts[node] + 1] := place[node];
            place[rights[node] + 1] := place[node];
        end if;
    end loop;
    for node in reverse cardinality(feature) .. 1 loop
        if place[node] is null then
            continue;
        elsif feature[node] = -1 then
            nodes[node] := quote_literal(leaves[lefts[node] + 1 + place[node]]::text) || '::double precision';
            continue;
        end if;
        tested := tests[feature[node] + 1];
        if sets[node] = -1 then
            condition := tested || ' <= ' || quote_literal(thresholds[node]::text) || '::double precision';
        elsif members[sets[node] + 1] is null then
            condition := 'false';
        else
            condition := tested || ' = any (' || members[sets[node] + 1] || ')';
        end if;
        if missing_left[node] = 1 and may_miss[feature[node] + 1] then
            -- NULL for a missing value, except in a set without members.
            condition := case
                when sets[node] <> -1 and members[sets[node] + 1] is null then tested || ' is null'
                else '(' || condition || ') is not false'
            end;
        end if;
        nodes[node] := 'case when ' || condition || ' then ' || nodes[lefts[node] + 1]
            || ' else ' || nodes[rights[node] + 1] || ' end';
        nodes[lefts[node] + 1] := null;
        nodes[rights[node] + 1] := null;
    end loop;
    for number in 1 .. cardinality(roots) loop
        if targets[number] in (-1, output) then
            answers := answers || nodes[roots[number] + 1];
        end if;
    end loop;
    return answers;
end
$$;

comment on function pgscore._tree_expressions(jsonb, text[], boolean[], integer) is
    'SQL for each tree of a trees step that adds to an output; tests is SQL for what nodes test, NULL where it is missing and may_miss';

-- core/program/_program_careful.sql
create function pgscore._program_careful(program jsonb, arguments text[]) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    kinds text;
    may_miss boolean[] := '{}';
    variables text := '';
    body text := '';
    input jsonb;
    step jsonb;
    of integer;
    value text;
    kind text;
    field text;
    read integer[];
    trees text[];
    total text;
    register integer := 0;
begin
    select string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal) into kinds
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for input in
        select i.value from jsonb_array_elements(program -> 'inputs') with ordinality as i (value, ordinal) order by i.ordinal
    loop
        kind := substr(kinds, register + 1, 1);
        variables := variables || format(
            case kind when 't' then E'r%s text := %s;\n' else E'r%s double precision := nullif(%s, ''NaN'');\n' end,
            register, arguments[register + 1]
        );
        value := concat_ws(
            ' or ',
            case when not (input -> 'nullable')::boolean then format('r%s is null', register) end,
            case when input ? 'minimum' then format('r%s < %s', register, pgscore._literal((input -> 'minimum')::double precision)) end,
            case when input ? 'maximum' then format('r%s > %s', register, pgscore._literal((input -> 'maximum')::double precision)) end,
            case when input ? 'known' then format(
                '(r%s is not null and %s <> all (%s))', register, pgscore._tested('r' || register, kind), pgscore._array_literal(input -> 'known', input ->> 'type')
            ) end
        );
        if value <> '' then
            body := body || format(E'if %s then return null; end if;\n', value);
        end if;
        may_miss := may_miss || (input -> 'nullable')::boolean;
        register := register + 1;
    end loop;

    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        if step ->> 'step' = 'trees' then
            read := translate((step -> 'of')::text, '[]', '{}')::integer[];
            for output in 0 .. jsonb_array_length(step -> 'base') - 1 loop
                variables := variables || format(E'r%s double precision := %s;\n', register,
                    pgscore._literal((step -> 'base' -> output)::double precision));
                trees := pgscore._tree_expressions(
                    step,
                    array(
                        select pgscore._tested('r' || r.register, substr(kinds, r.register + 1, 1))
                        from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
                    ),
                    array(select may_miss[r.register + 1] from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal),
                    output
                );
                -- In parts: a sum of thousands of terms is too deep for the parser.
                for part in 0 .. (cardinality(trees) + 499) / 500 - 1 loop
                    body := body || format(case
                        when pgscore._leaves_are_bounded(step) then E'r%1$s := r%1$s + %2$s;\n'
                        else E'r%1$s := pgscore._weighted_sum(r%1$s, array[%3$s], array_fill(1::double precision, array[%4$s]));\n'
                        end,
                        register, array_to_string(trees[part * 500 + 1:part * 500 + 500], ' + '),
                        array_to_string(trees[part * 500 + 1:part * 500 + 500], ', '),
                        cardinality(trees[part * 500 + 1:part * 500 + 500]));
                end loop;
                if step ? 'divide' then
                    body := body || format(E'r%1$s := pgscore._divide(r%1$s, %2$s);\n', register,
                        pgscore._literal((step -> 'divide')::double precision));
                end if;
                kinds := kinds || 'n';
                may_miss := may_miss || true;
                register := register + 1;
            end loop;
            continue;
        end if;
        kind := pgscore._step_kinds(step, kinds);
        if jsonb_typeof(step -> 'of') = 'number' then
            of := (step -> 'of')::integer;
            value := 'r' || of;
        end if;
        case step ->> 'step'
            when 'affine' then
                foreach field in array array['subtract', 'divide', 'multiply', 'add'] loop
                    if step ? field then
                        value := format(
                            'pgscore._%s(%s, %s)',
                            case field when 'subtract' then 'add' else field end, value,
                            pgscore._literal((case field when 'subtract' then -1 else 1 end) * (step -> field)::double precision)
                        );
                    end if;
                end loop;
            when 'clip' then
                value := format(
                    'case when %1$s is not null then least(greatest(%1$s, %2$s), %3$s) end', value,
                    pgscore._literal((step -> 'minimum')::double precision), pgscore._literal((step -> 'maximum')::double precision)
                );
            when 'function' then
                value := format(
                    case step ->> 'name'
                        when 'abs' then 'abs(%1$s)'
                        when 'sqrt' then 'case when %1$s >= 0 then sqrt(%1$s) end'
                        else 'pgscore._multiply(%1$s, %1$s)'
                    end,
                    value
                );
            when 'fill' then
                value := format('coalesce(%s, %s)', value, case kind
                    when 't' then quote_literal(step ->> 'with') || '::text' else pgscore._literal((step -> 'with')::double precision) end);
            when 'missing' then
                value := format('case when %s is null then 1 else 0 end', value);
            when 'lookup' then
                value := pgscore._lookup(step, value, substr(kinds, of + 1, 1) = 't', true);
            when 'linear' then
                value := format(
                    'pgscore._weighted_sum(%s, array[%s]::double precision[], %s)',
                    pgscore._literal((step -> 'intercept')::double precision),
                    (
                        select string_agg('r' || o.register, ', ' order by o.ordinal)
                        from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
                    ),
                    pgscore._array_literal(step -> 'weights', 'number')
                );
        end case;
        variables := variables || format(E'r%s %s;\n', register, case kind when 't' then 'text' else 'double precision' end);
        body := body || format(E'r%s := %s;\n', register, value);
        kinds := kinds || kind;
        may_miss := may_miss || true;
        register := register + 1;
    end loop;
    select string_agg('r' || s.register, ', ' order by s.ordinal) into total
    from jsonb_array_elements_text(program -> 'scores') with ordinality as s (register, ordinal);
    return format(
        E'\ndeclare\n%sbegin\n%sreturn pgscore._outputs(%L, array[%s]::double precision[]);\nend\n',
        variables, body, program ->> 'link', total
    );
end
$$;

comment on function pgscore._program_careful(jsonb, text[]) is
    'The body of a plpgsql function that gives all outputs of a valid program for any row and never raises; arguments is SQL for its inputs';

-- core/program/_program_bare.sql
-- Interval arithmetic with the program's own operations: rounding is monotone, so where the ends do not overflow nothing
-- between them does. `small` is the least magnitude that a register has besides 0: a product with it must not underflow.
--
-- A register is `wild` where it is linear in an input that may be anything, NULL, NaN and infinity included. Such inputs
-- need no guard, because the one sum that may read them shows what they were: its weights are scaled down by a power of
-- two until no sum of doubles overflows, an added constant that is lost in rounding keeps their products from
-- underflowing, and a sum that is large, infinite, NaN or NULL is left to the careful function.
create function pgscore._program_bare(
    program jsonb, positive integer, arguments text[], wild_ones boolean, box double precision
) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    most constant double precision := '1.7976931348623157e308';
    tiny constant double precision := '5e-324';
    ulp constant double precision := power('2'::double precision, -54);
    limits constant bigint := 4 * pgscore._program_size(program) + 1000;
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    link constant text := program ->> 'link';
    kinds text := '';
    expressions text[] := '{}';
    sizes bigint[] := '{}';
    lows double precision[] := '{}';
    highs double precision[] := '{}';
    smalls double precision[] := '{}';
    may_miss boolean[] := '{}';
    -- A wild register is (input - shift) * factor + plus.
    wild integer[] := '{}';
    shifts double precision[] := '{}';
    factors double precision[] := '{}';
    pluses double precision[] := '{}';
    points text[] := '{}';
    corners double precision[] := '{}';
    guards text[] := '{}';
    used boolean[] := array_fill(false, array[inputs]);
    wraps text[] := array_fill(null::text, array[inputs]);
    input jsonb;
    step jsonb;
    name text;
    field text;
    kind text;
    e text;
    size bigint;
    low double precision;
    high double precision;
    small double precision;
    missing boolean;
    wild_input integer;
    shift double precision;
    factor double precision;
    plus double precision;
    constant_ double precision;
    weight double precision;
    term text;
    of integer;
    read integer[];
    weights double precision[];
    trees text[];
    register integer := 0;
    -- The one register that the score needs; NULL where it needs several.
    score integer;
    scores integer[];
    total double precision;
    least_weight double precision;
    power_ integer;
    lift text;
    limited boolean;
    answer pgscore.bare_expression;
begin
    -- Which registers the score needs: some links want all.
    select array_agg(r.register::integer order by r.ordinal) into scores
    from jsonb_array_elements(program -> 'scores') with ordinality as r (register, ordinal);
    if link in ('identity', 'logistic', 'sign') then
        score := scores[case link when 'identity' then coalesce(positive, 0) else 0 end + 1];
        scores := array[score];
    end if;

    for input in
        select i.value from jsonb_array_elements(program -> 'inputs') with ordinality as i (value, ordinal) order by i.ordinal
    loop
        e := arguments[register + 1];
        missing := (input -> 'nullable')::boolean;
        kind := case when input ->> 'type' = 'text' then 't' else 'n' end;
        low := coalesce((input -> 'minimum')::double precision, '-Infinity');
        high := coalesce((input -> 'maximum')::double precision, 'Infinity');
        wild_input := case
            when wild_ones and kind = 'n' and not missing and not input ? 'known' and low < '-1e200' and high > '1e200'
            then register
        end;
        if wild_input is null then
            low := greatest(low, -box);
            high := least(high, box);
            if low > high then
                return null;
            elsif input ? 'known' then
                guards := guards || concat(
                    '(', case when missing then e || ' is null or ' end, pgscore._tested(e, kind), ' = any (',
                    pgscore._array_literal(input -> 'known', input ->> 'type'), '))'
                );
            elsif kind = 't' and not missing then
                guards := guards || (e || ' is not null');
            end if;
            if kind = 'n' and low = '-Infinity' and high = 'Infinity' then
                -- NaN is greater.
                guards := guards || concat(
                    '(', case when missing then e || ' is null or ' end, e, ' <= ', pgscore._literal(high), ')'
                );
            elsif kind = 'n' then
                points := points || case
                    when missing then format('coalesce(%s, %s)', e, pgscore._literal(greatest(low, least(high, 0)))) else e end;
                corners := corners || array[high, low];
            end if;
        end if;
        kinds := kinds || kind;
        expressions := expressions || e;
        sizes := sizes || 1::bigint;
        lows := lows || low;
        highs := highs || high;
        smalls := smalls || tiny;
        may_miss := may_miss || missing;
        wild := wild || wild_input;
        shifts := shifts || '0'::double precision;
        factors := factors || '1'::double precision;
        pluses := pluses || '0'::double precision;
        register := register + 1;
    end loop;

    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        name := step ->> 'step';
        if name = 'trees' then
            read := translate((step -> 'of')::text, '[]', '{}')::integer[];
            for number in 1 .. cardinality(read) loop
                if wild[read[number] + 1] is not null then
                    return null;
                end if;
            end loop;
            size := (
                select sum(sizes[read[f.position + 1] + 1]) + count(*)
                from unnest(translate((step -> 'feature')::text, '[]', '{}')::integer[]) as f (position)
            );
            if coalesce(size, 0) > limits or jsonb_array_length(step -> 'roots') > 1500 or not pgscore._leaves_are_bounded(step) then
                return null;
            end if;
            for output in 0 .. jsonb_array_length(step -> 'base') - 1 loop
                e := null;
                total := 0;
                small := tiny;
                if register = any (scores) or exists (
                    -- Only what the score needs.
                    select from jsonb_array_elements(program -> 'steps') as s (later)
                    where case jsonb_typeof(s.later -> 'of')
                        when 'array' then s.later -> 'of' @> to_jsonb(register) else s.later -> 'of' = to_jsonb(register) end
                ) then
                    trees := pgscore._tree_expressions(
                        step,
                        array(
                            select pgscore._tested(expressions[r.register + 1], substr(kinds, r.register + 1, 1))
                            from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
                        ),
                        array(
                            select may_miss[r.register + 1]
                            from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
                        ),
                        output
                    );
                    e := array_to_string(pgscore._literal((step -> 'base' -> output)::double precision) || trees, ' + ');
                    if cardinality(trees) > 0 then
                        e := '(' || e || ')';
                    end if;
                    select
                        abs((step -> 'base' -> output)::double precision)
                            + coalesce(max(abs(v.leaf::double precision)), 0) * cardinality(trees),
                        greatest(tiny, least(
                            min(nullif(abs(v.leaf::double precision), 0)), nullif(abs((step -> 'base' -> output)::double precision), 0)
                        ))
                    into total, small
                    from jsonb_array_elements(step -> 'values') as v (leaf);
                    -- Sums are multiples of the last bit of their least term.
                    small := greatest(tiny, coalesce(pgscore._multiply(small, ulp), 1));
                    constant_ := (step -> 'divide')::double precision;
                    if constant_ is not null then
                        if constant_ = 0 or abs(pgscore._divide(small, constant_)) < '1e-300' then
                            return null;
                        end if;
                        e := format('(%s / %s)', e, pgscore._literal(constant_));
                        total := abs(pgscore._divide(total, constant_));
                        small := abs(pgscore._divide(small, constant_));
                    end if;
                    if not total < 'Infinity' then
                        return null;
                    end if;
                end if;
                kinds := kinds || 'n';
                expressions := expressions || e;
                sizes := sizes || size;
                lows := lows || -total;
                highs := highs || total;
                smalls := smalls || small;
                may_miss := may_miss || false;
                wild := wild || null::integer;
                shifts := shifts || '0'::double precision;
                factors := factors || '1'::double precision;
                pluses := pluses || '0'::double precision;
                register := register + 1;
            end loop;
            continue;
        end if;

        kind := pgscore._step_kinds(step, kinds);
        wild_input := null;
        shift := 0;
        factor := 1;
        plus := 0;
        if name <> 'linear' then
            of := (step -> 'of')::integer + 1;
            e := expressions[of];
            size := sizes[of];
            low := lows[of];
            high := highs[of];
            small := smalls[of];
            missing := may_miss[of];
            wild_input := wild[of];
            if wild_input is not null and name <> 'affine' then
                return null;
            end if;
        end if;
        case name
            when 'affine' then
                shift := shifts[of];
                factor := factors[of];
                plus := pluses[of];
                foreach field in array array['subtract', 'divide', 'multiply', 'add'] loop
                    constant_ := (step -> field)::double precision;
                    if constant_ is null
                        or (field in ('subtract', 'add') and constant_ = 0)
                        or (field in ('divide', 'multiply') and constant_ = 1)
                    then
                        continue;
                    elsif wild_input is not null then
                        if field = 'subtract' and shift = 0 and factor = 1 and plus = 0 then
                            shift := constant_;
                        elsif field in ('subtract', 'add') then
                            plus := pgscore._add(plus, case field when 'add' then constant_ else -constant_ end);
                        elsif field = 'divide' then
                            factor := pgscore._divide(factor, constant_);
                            plus := pgscore._divide(plus, constant_);
                        else
                            factor := pgscore._multiply(factor, constant_);
                            plus := pgscore._multiply(plus, constant_);
                        end if;
                        continue;
                    elsif field in ('subtract', 'add') then
                        e := format('(%s %s %s)', e, case field when 'add' then '+' else '-' end, pgscore._literal(constant_));
                        constant_ := case field when 'add' then constant_ else -constant_ end;
                        low := pgscore._add(low, constant_);
                        high := pgscore._add(high, constant_);
                        small := greatest(tiny, pgscore._multiply(abs(constant_), ulp));
                        size := size + 1;
                    else
                        factor := case field when 'divide' then pgscore._divide(1, abs(constant_)) else abs(constant_) end;
                        if factor is null or factor > '1e300' or factor > 0 and factor < '1e-200' then
                            return null;
                        end if;
                        if factor > 0 and pgscore._multiply(small, factor) < '1e-305' then
                            -- Rounded to a multiple of what survives the product.
                            lift := pgscore._literal(power('2'::double precision, -1010) / factor);
                            e := format('((%s + %s) - %s)', e, lift, lift);
                            size := size + 2;
                        end if;
                        e := format('(%s %s %s)', e, case field when 'divide' then '/' else '*' end, pgscore._literal(constant_));
                        low := case field when 'divide' then pgscore._divide(low, constant_) else pgscore._multiply(low, constant_) end;
                        high := case field when 'divide' then pgscore._divide(high, constant_) else pgscore._multiply(high, constant_) end;
                        if low > high then
                            total := low;
                            low := high;
                            high := total;
                        end if;
                        small := greatest(pgscore._multiply(small, factor), tiny);
                        size := size + 1;
                        factor := 1;
                    end if;
                end loop;
                if wild_input is not null and (
                    not abs(factor) between '1e-100' and '1e100' or not abs(plus) < '1e100' or not abs(shift) < '1e200'
                    or factor is null or plus is null
                ) then
                    return null;
                end if;
            when 'clip' then
                -- Unlike greatest and least, these give NULL for NULL.
                if step ? 'minimum' then
                    e := format('float8larger(%s, %s)', e, pgscore._literal((step -> 'minimum')::double precision));
                end if;
                if step ? 'maximum' then
                    e := format('float8smaller(%s, %s)', e, pgscore._literal((step -> 'maximum')::double precision));
                end if;
                low := least(greatest(low, (step -> 'minimum')::double precision), (step -> 'maximum')::double precision);
                high := least(greatest(high, (step -> 'minimum')::double precision), (step -> 'maximum')::double precision);
                small := least(
                    small, nullif(abs((step -> 'minimum')::double precision), 0), nullif(abs((step -> 'maximum')::double precision), 0)
                );
                size := size + 2;
            when 'function' then
                case step ->> 'name'
                    when 'abs' then
                        e := format('abs(%s)', e);
                        high := greatest(abs(low), abs(high));
                        low := 0;
                        size := size + 1;
                    when 'sqrt' then
                        if low < 0 then
                            e := format('case when %1$s >= %2$s then sqrt(%1$s) end', e, pgscore._literal(0));
                            size := 2 * size + 2;
                            missing := true;
                        else
                            e := format('sqrt(%s)', e);
                            size := size + 1;
                        end if;
                        low := 0;
                        high := sqrt(greatest(high, 0));
                        small := sqrt(small);
                    else
                        if small < '1e-150' then
                            lift := pgscore._literal(power('2'::double precision, -480));
                            e := format('((%s + %s) - %s)', e, lift, lift);
                            size := size + 2;
                            small := '1e-160';
                        end if;
                        e := format('(%1$s * %1$s)', e);
                        size := 2 * size + 1;
                        high := pgscore._multiply(greatest(abs(low), abs(high)), greatest(abs(low), abs(high)));
                        low := 0;
                        small := pgscore._multiply(small, small);
                end case;
            when 'fill' then
                if kind = 't' then
                    e := format('coalesce(%s, %s::text)', e, quote_literal(step ->> 'with'));
                else
                    constant_ := (step -> 'with')::double precision;
                    e := format('coalesce(%s, %s)', e, pgscore._literal(constant_));
                    low := least(low, constant_);
                    high := greatest(high, constant_);
                    small := least(small, nullif(abs(constant_), 0));
                end if;
                missing := false;
                size := size + 1;
            when 'missing' then
                e := case
                    when missing then format('case when %s is null then %s else %s end', e, pgscore._literal(1), pgscore._literal(0))
                    else pgscore._literal(0)
                end;
                low := 0;
                high := 1;
                small := 1;
                missing := false;
                size := size + 1;
            when 'lookup' then
                -- The value is read again for each key on the way.
                size := size * (jsonb_array_length(step -> 'keys') + 2) + jsonb_array_length(step -> 'keys');
                if size > limits then
                    return null;
                end if;
                e := pgscore._lookup(step, e, substr(kinds, of, 1) = 't', missing);
                select
                    coalesce(min(v.value), 0), coalesce(max(v.value), 0), coalesce(min(nullif(abs(v.value), 0)), 1),
                    bool_or(v.value is null)
                into low, high, small, missing
                from (
                    select nullif(k.value, 'null')::double precision as value
                    from jsonb_array_elements(step -> 'values' || (step -> 'unknown')
                        || case when missing then step -> 'missing' else step -> 'unknown' end) as k (value)
                ) v;
            when 'linear' then
                read := translate((step -> 'of')::text, '[]', '{}')::integer[];
                weights := translate((step -> 'weights')::text, '[]', '{}')::double precision[];
                constant_ := (step -> 'intercept')::double precision;
                if cardinality(read) > 1700 then
                    return null;
                end if;
                missing := false;
                for number in 1 .. cardinality(read) loop
                    wild_input := coalesce(wild_input, wild[read[number] + 1]);
                    missing := missing or may_miss[read[number] + 1];
                end loop;
                if wild_input is not null then
                    -- The one sum that may read them. From here on, everything is for that sum.
                    if score is null or register <> score then
                        return null;
                    end if;
                    total := abs(constant_);
                    least_weight := 1;
                    trees := '{}';
                    for number in 1 .. cardinality(read) loop
                        of := read[number] + 1;
                        weight := weights[number];
                        wild_input := wild[of];
                        if wild_input is null then
                            total := total + pgscore._multiply(abs(weight), pgscore._divide(greatest(abs(lows[of]), abs(highs[of])), most));
                            if weight = 0 or pgscore._multiply(abs(weight), smalls[of]) > '1e-200' then
                                trees := trees || expressions[of];
                            elsif abs(weight) > '1e-60' then
                                lift := pgscore._literal(pgscore._divide(power('2'::double precision, -800), abs(weight)));
                                trees := trees || format('((%s + %s) - %s)', expressions[of], lift, lift);
                            else
                                return null;
                            end if;
                            continue;
                        end if;
                        weight := pgscore._multiply(weight, factors[of]);
                        weights[number] := weight;
                        if not abs(weight) between '1e-50' and '1e50' then
                            -- It would not show in the sum what the input is.
                            return null;
                        end if;
                        used[wild_input + 1] := true;
                        total := total + abs(weight) * 2;
                        if abs(pgscore._multiply(shifts[of], factors[of])) <= 100 then
                            constant_ := constant_ + pgscore._multiply(weights[number], pgscore._divide(pluses[of], factors[of]) - shifts[of]);
                            trees := trees || arguments[wild_input + 1];
                            least_weight := least(least_weight, abs(weight));
                            wraps[wild_input + 1] := '';
                        else
                            constant_ := constant_ + pgscore._multiply(weights[number], pgscore._divide(pluses[of], factors[of]));
                            trees := trees || format('(%s - %s)', arguments[wild_input + 1], pgscore._literal(shifts[of]));
                        end if;
                    end loop;
                    if total is null or not total < '1e60' or not abs(constant_) < '1e60' or not least_weight > '1e-60' then
                        return null;
                    end if;
                    total := total + pgscore._divide(abs(constant_), most) * 2;
                    power_ := greatest(0, ceil(log('2'::numeric, greatest(total, 1)::numeric)) + 2);
                    e := '';
                    for number in 1 .. cardinality(read) loop
                        e := e || format(
                            ' + %s * %s', trees[number],
                            pgscore._literal(pgscore._multiply(weights[number], power('2'::double precision, -power_)))
                        );
                    end loop;
                    e := pgscore._literal(pgscore._multiply(constant_, power('2'::double precision, -power_))) || e;
                    lift := pgscore._literal(power('2'::double precision,
                        (-1010 + power_ - floor(log('2'::numeric, least_weight::numeric)))::integer));
                    for number in 1 .. inputs loop
                        wraps[number] := case
                            when wraps[number] is null then null
                            when link = 'logistic' then format('(%%s + %s)', lift)
                            else format('((%%s + %s) - %s)', lift, lift)
                        end;
                    end loop;
                    low := null;
                    size := 3 * cardinality(read);
                    wild_input := -1;
                else
                    e := pgscore._literal(constant_);
                    low := constant_;
                    high := constant_;
                    small := coalesce(nullif(abs(constant_), 0), 1);
                    size := 1;
                    for number in 1 .. cardinality(read) loop
                        of := read[number] + 1;
                        weight := weights[number];
                        term := expressions[of];
                        factor := pgscore._multiply(smalls[of], abs(weight));
                        if weight <> 0 and abs(weight) < '1e-200' then
                            return null;
                        elsif weight <> 0 and factor < '1e-305' then
                            lift := pgscore._literal(power('2'::double precision, -1010) / abs(weight));
                            term := format('((%s + %s) - %s)', term, lift, lift);
                            size := size + 2;
                        end if;
                        e := e || format(' + %s * %s', term, pgscore._literal(weight));
                        low := pgscore._add(low, least(pgscore._multiply(weight, lows[of]), pgscore._multiply(weight, highs[of])));
                        high := pgscore._add(high, greatest(pgscore._multiply(weight, lows[of]), pgscore._multiply(weight, highs[of])));
                        if lows[of] = '-Infinity' or highs[of] = 'Infinity'
                            or pgscore._multiply(abs(weight), greatest(abs(lows[of]), abs(highs[of]))) > '1e307'
                        then
                            return null;
                        end if;
                        if weight <> 0 then
                            small := least(small, greatest(factor, tiny));
                        end if;
                        size := size + sizes[of] + 2;
                    end loop;
                    small := greatest(tiny, pgscore._multiply(small, ulp));
                    factor := 1;
                    e := '(' || e || ')';
                end if;
        end case;
        if size > limits
            or wild_input is null and (name in ('affine', 'linear') or step ->> 'name' = 'square')
            and (coalesce(low, '-Infinity') <= '-1e307' or coalesce(high, 'Infinity') >= '1e307')
        then
            return null;
        end if;
        kinds := kinds || kind;
        expressions := expressions || e;
        sizes := sizes || size;
        lows := lows || low;
        highs := highs || high;
        smalls := smalls || small;
        may_miss := may_miss || missing;
        wild := wild || wild_input;
        shifts := shifts || shift;
        factors := factors || factor;
        pluses := pluses || plus;
        register := register + 1;
    end loop;

    for number in 1 .. inputs loop
        if wild[number] is not null and not used[number] then
            return null;
        end if;
    end loop;
    foreach register in array scores loop
        if wild[register + 1] >= 0 then
            return null;
        end if;
    end loop;
    if score is null then
        e := format(
            '(pgscore._outputs(%L, array[%s]))[%s]', link,
            (
                select string_agg(expressions[r.register + 1], ', ' order by r.ordinal)
                from unnest(scores) with ordinality as r (register, ordinal)
            ),
            coalesce(positive, 0) + 1
        );
    else
        e := expressions[score + 1];
    end if;
    -- Beyond these ends, NaN with the upper one, it is the careful function's turn: it gets what is NULL.
    total := case link when 'logistic' then '700'::double precision else '1e200' end;
    factor := case when wild[score + 1] = -1 then power('2'::double precision, power_) else 1 end;
    limited := wild[score + 1] = -1 or link = 'logistic' and (lows[score + 1] < -700 or highs[score + 1] > 700);
    if limited then
        e := format('float8smaller(float8larger(%s, %s), %s)', e, pgscore._literal(-total / factor), pgscore._literal(total / factor));
    end if;
    if link = 'logistic' then
        e := case when factor = 1 then format('exp(-%s)', e) else format('exp(%s * %s)', e, pgscore._literal(-factor)) end;
        if limited then
            e := format('nullif(nullif(%s, exp(%s)), exp(%s))', e, pgscore._literal(total), pgscore._literal(-total));
        end if;
        e := format('%1$s / (%1$s + %2$s)', pgscore._literal(1), e);
    elsif limited then
        e := format('nullif(nullif(%s, %s), %s)', e, pgscore._literal(total / factor), pgscore._literal(-total / factor));
        if link = 'identity' then
            e := format('%s * %s', e, pgscore._literal(factor));
        end if;
    end if;
    if link = 'sign' then
        e := format('(%s > %s)::integer::double precision', e, pgscore._literal(0));
    end if;
    if link in ('logistic', 'sign') and positive = 0 then
        e := format('%s - %s', pgscore._literal(1), e);
    end if;

    for number in 1 .. cardinality(points) by 2 loop
        guards := guards || format(
            '%s <@ %L::box',
            format('point(%s, %s)', points[number], coalesce(points[number + 1], pgscore._literal(0))),
            format(
                '(%s,%s),(%s,%s)', corners[2 * number - 1], coalesce(corners[2 * number + 1], 0),
                corners[2 * number], coalesce(corners[2 * number + 2], 0)
            )
        );
    end loop;
    answer.guard := nullif(array_to_string(guards, ' and '), '');
    answer.expression := e;
    answer.wraps := wraps;
    return answer;
end
$$;

comment on function pgscore._program_bare(jsonb, integer, text[], boolean, double precision) is
    'SQL for the score of a valid program that needs few operations and raises for no row that it is made for; NULL where there is none. With wild_ones, inputs of linear models need no guard; the others are guarded to lie within the box';

-- core/program/_program_best_bare.sql
create function pgscore._program_best_bare(program jsonb, positive integer, arguments text[]) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    attempt record;
    found pgscore.bare_expression;
begin
    for attempt in
        select a.* from (values
            (1, true, 'Infinity'::double precision), (2, true, '1e300'), (3, false, 'Infinity'), (4, false, '1e300'),
            (5, false, '1e150'), (6, false, '1e100'), (7, false, '1e30')
        ) as a (ordinal, wild_ones, box)
        order by a.ordinal
    loop
        found := pgscore._program_bare(program, positive, arguments, attempt.wild_ones, attempt.box);
        exit when found.expression is not null;
    end loop;
    return found;
end
$$;

comment on function pgscore._program_best_bare(jsonb, integer, text[]) is
    'The SQL that guards least among those that serve; without an expression where none does';

-- core/program/_scorer_name.sql
create function pgscore._scorer_name(model text, version integer, suffix text default '') returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := format('_%s %s%s', model, version, suffix);
begin
    -- The blank keeps it apart from whatever is called after a model: their names have none.
    if octet_length(name) > 63 then
        raise exception 'model "%" version % gives the name %, which is too long', model, version, name
            using errcode = 'name_too_long';
    end if;
    return 'pgscore_models.' || quote_ident(name);
end
$$;

comment on function pgscore._scorer_name(text, integer, text) is
    'A function or type of a version: no suffix: the score; b: bare; p: all outputs; i: the type of its inputs';

-- core/program/_scorer_expression.sql
create function pgscore._scorer_expression(
    model text, version integer, program jsonb, positive integer, bare pgscore.bare_expression, careful_call text,
    arguments text[], ordinary boolean[] default null
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wrapped constant text[] := array(
        select case when w.wrap is null or w.ordinary then w.argument else format(w.wrap, w.argument) end
        from unnest(bare.wraps, arguments, ordinary) with ordinality as w (wrap, argument, ordinary, ordinal)
        order by w.ordinal
    );
    call text;
begin
    if bare.expression is null then
        return careful_call;
    elsif jsonb_array_length(program -> 'inputs') <= 100 then
        call := format('%s(%s)', pgscore._scorer_name(model, version, 'b'), array_to_string(wrapped, ', '));
    elsif wrapped = arguments then
        call := bare.expression;
    else
        -- A row as the argument would be copied into each reference to one of its fields.
        call := (pgscore._program_best_bare(program, positive, wrapped)).expression;
    end if;
    if bare.guard is not null then
        call := format('case when %s then %s end', bare.guard, call);
    end if;
    -- What is NULL is missing or refused, or out of the ordinary.
    return format('coalesce(%s, %s)', call, careful_call);
end
$$;

comment on function pgscore._scorer_expression(text, integer, jsonb, integer, pgscore.bare_expression, text, text[], boolean[]) is
    'SQL for a score: the bare expression where the guard lets a row pass and it is sure, else the careful call. An ordinary argument is not wrapped';

-- core/program/_scorer_call.sql
create function pgscore._scorer_call(
    model text, version integer, inputs integer, arguments text[], outputs boolean default false
) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        case when inputs > 100 then '%s(row(%s)::%s)' else '%s(%s)' end,
        pgscore._scorer_name(model, version, case when outputs then 'p' else '' end),
        array_to_string(arguments, ', '),
        pgscore._scorer_name(model, version, 'i')
    )
$$;

comment on function pgscore._scorer_call(text, integer, integer, text[], boolean) is
    'SQL that calls the score of a version, or all its outputs, with arguments given as SQL, double precision or text';

-- core/program/_scorer_call_typed.sql
create function pgscore._scorer_call_typed(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgscore._scorer_expression(
        model, version, program, positive, pgscore._program_best_bare(program, positive, arguments),
        format(
            '(%s)[%s]',
            pgscore._scorer_call(model, version, jsonb_array_length(program -> 'inputs'), arguments, true),
            coalesce(positive, 0) + 1
        ),
        arguments, ordinary
    );
end
$$;

comment on function pgscore._scorer_call_typed(text, integer, jsonb, integer, text[], boolean[]) is
    'The same as the score''s call, with less work where an argument is ordinary: of an integer type, boolean or real. For string bodies; past 100 inputs much faster than the call';

-- core/program/_drop_scorer.sql
create function pgscore._drop_scorer(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    doomed record;
begin
    -- The score calls the others.
    for doomed in
        select p.oid::regprocedure as function
        from unnest(array['', 'b', 'p']) with ordinality as s (suffix, ordinal)
        join pg_catalog.pg_proc p
            on pgscore._scorer_name(model, version, s.suffix) = 'pgscore_models.' || quote_ident(p.proname)
        where p.pronamespace = 'pgscore_models'::regnamespace
        order by s.ordinal
    loop
        execute format('drop function %s', doomed.function);
    end loop;
    execute format('drop type if exists %s', pgscore._scorer_name(model, version, 'i'));
end
$$;

comment on function pgscore._drop_scorer(text, integer) is 'Drops the functions and the type of a version''s program, where there are any';

-- core/program/_create_scorer.sql
create function pgscore._create_scorer(model text, version integer, program jsonb, positive integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    composite constant boolean := inputs > 100;
    scorer constant text := pgscore._scorer_name(model, version);
    bare_name constant text := pgscore._scorer_name(model, version, 'b');
    careful_name constant text := pgscore._scorer_name(model, version, 'p');
    type_name constant text := pgscore._scorer_name(model, version, 'i');
    posture constant text := 'immutable parallel safe';
    fields text;
    declared text;
    types text;
    arguments text[];
    given text;
    bare pgscore.bare_expression;
    says constant text := format('Model "%s" version %s: ', model, version);
    careful_call text;
begin
    perform pgscore._drop_scorer(model, version);
    select
        string_agg(format('a%s %s', i.ordinal, i.type), ', ' order by i.ordinal),
        string_agg(i.type, ', ' order by i.ordinal),
        array_agg(case when composite then format('(a).a%s', i.ordinal) else 'a' || i.ordinal end order by i.ordinal)
    into fields, types, arguments
    from (
        select e.ordinal, case e.value ->> 'type' when 'text' then 'text' else 'double precision' end as type
        from jsonb_array_elements(program -> 'inputs') with ordinality as e (value, ordinal)
    ) i;
    declared := fields;
    given := array_to_string(arguments, ', ');
    if composite then
        execute format('create type %s as (%s)', type_name, fields);
        execute format('comment on type %s is %L', type_name, says || 'its inputs');
        execute format('grant usage on type %s to pgscore_reader', type_name);
        declared := 'a ' || type_name;
        types := type_name;
        given := 'a';
    end if;

    execute format(
        'create function %s(%s) returns double precision[] language plpgsql %s set search_path = pg_catalog, pg_temp as %L',
        careful_name, declared, posture, pgscore._program_careful(program, arguments)
    );
    perform pgscore._publish_function(format('%s(%s)', careful_name, types), says || 'all outputs, NULL where there is none');
    careful_call := format('(%s(%s))[%s]', careful_name, given, coalesce(positive, 0) + 1);

    bare := pgscore._program_best_bare(program, positive, arguments);
    if bare.expression is not null and not composite then
        execute format(
            'create function %s(%s) returns double precision language sql %s return %s', bare_name, declared, posture, bare.expression
        );
        perform pgscore._publish_function(format('%s(%s)', bare_name, types), says || 'the score, for ordinary inputs only');
    end if;
    execute format(
        'create function %s(%s) returns double precision language sql %s return %s',
        scorer, declared, posture, pgscore._scorer_expression(model, version, program, positive, bare, careful_call, arguments)
    );
    perform pgscore._publish_function(format('%s(%s)', scorer, types), says || 'the score');
end
$$;

comment on function pgscore._create_scorer(text, integer, jsonb, integer) is
    'Writes the functions of a valid program: the score (its position among the outputs counts from 0; NULL for a value), the same without guards, all outputs';

-- core/program/_program_reason.sql
create function pgscore._program_reason(program jsonb, numbers double precision[], texts text[]) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    input jsonb;
    number double precision;
    value text;
    numbers_read integer := 0;
    texts_read integer := 0;
    reason text;
begin
    for input in
        select i.value from jsonb_array_elements(program -> 'inputs') with ordinality as i (value, ordinal) order by i.ordinal
    loop
        if input ->> 'type' = 'text' then
            texts_read := texts_read + 1;
            value := texts[texts_read];
            if value is null and not (input -> 'nullable')::boolean then
                return null;
            elsif value is not null and input ? 'known' and not input -> 'known' ? value then
                reason := coalesce(reason, format('input "%s" is ''%s'', which the estimator does not know', input ->> 'name', value));
            end if;
            continue;
        end if;
        numbers_read := numbers_read + 1;
        number := nullif(numbers[numbers_read], 'NaN');
        if number is null and not (input -> 'nullable')::boolean then
            return null;
        elsif number < (input -> 'minimum')::double precision or number > (input -> 'maximum')::double precision then
            reason := coalesce(reason, format('input "%s" is %s, beyond what the estimator accepts', input ->> 'name', number));
        elsif number is not null and input ? 'known' and not exists (
            select from jsonb_array_elements(input -> 'known') as k (key) where k.key::double precision = number
        ) then
            reason := coalesce(reason, format('input "%s" is %s, which the estimator does not know', input ->> 'name', number));
        end if;
    end loop;
    return reason;
end
$$;

comment on function pgscore._program_reason(jsonb, double precision[], text[]) is
    'Why a valid program refuses a row, given as its number inputs and its text inputs in order; NULL where it does not, or where a value is missing';

-- core/engine/_largest_sql_program.sql
create function pgscore._largest_sql_program() returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select 10000
$$;

comment on function pgscore._largest_sql_program() is
    'The largest size of a program that the sql engine takes: past it, planning takes longer than scoring saves';

-- core/engine/_store_program.sql
create function pgscore._store_program(model text, version integer, program jsonb) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    insert into pgscore.program (model, version, program, digest, size)
    values (model, version, program, encode(sha256(convert_to(program::text, 'UTF8')), 'hex'), pgscore._program_size(program))
$$;

comment on function pgscore._store_program(text, integer, jsonb) is 'Keeps the program of a new version, which was checked';

-- core/engine/_compile_program.sql
create function pgscore._compile_program(model text, version integer) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
    from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _compile_program.model and v.version = _compile_program.version
        and p.size <= pgscore._largest_sql_program()
        -- What was pruned and has come back may have kept its functions, because a view needs them.
        and not exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and pgscore._scorer_name(v.model, v.version) = 'pgscore_models.' || quote_ident(f.proname)
        )
$$;

comment on function pgscore._compile_program(text, integer) is
    'Writes the functions of a version''s program, where it has one that is not too large for that';

-- core/engine/_load_refusal.sql
create function pgscore._load_refusal(
    model text, version integer, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    piece record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        sqlstate := '55000';
        message := 'it needs PL/Python, which this database does not have';
        hint := 'A superuser runs alembic upgrade plpython@head.';
        return;
    end if;
    for piece in
        select c.ordinal, c.content from pgscore.artifact_chunk c
        where c.model = _load_refusal.model and c.version = _load_refusal.version
        order by c.ordinal
    loop
        perform pgscore_trusted._receive(piece.ordinal, piece.content);
    end loop;
    if piece.ordinal is null then
        sqlstate := '55000';
        message := 'its artifact was pruned';
        hint := 'Publish the same file again to bring it back.';
        return;
    end if;
    select l.sqlstate, l.message, l.hint into sqlstate, message, hint
    from pgscore.model_version v,
        pgscore_trusted._load(
            v.contract::text, v.signature, v.key_id,
            array(
                select c.type from pgscore.confirmed_type c where c.model = v.model and c.version = v.version
            )
        ) l
    where v.model = _load_refusal.model and v.version = _load_refusal.version;
    hint := replace(replace(hint, '{model}', model), '{version}', version::text);
end
$$;

comment on function pgscore._load_refusal(text, integer) is
    'Hands the artifact of a version to this backend, piece by piece, to be checked and unpickled; why it is not, or NULL where it is';

-- core/engine/_load.sql
create function pgscore._load(model text, version integer) returns void
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    refusal record;
begin
    select * into refusal from pgscore._load_refusal(model, version);
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be loaded: %', model, version, refusal.message
            using errcode = refusal.sqlstate, hint = refusal.hint;
    end if;
end
$$;

comment on function pgscore._load(text, integer) is 'Loads the artifact of a version into this backend, or raises why not';

-- core/engine/_loadable.sql
create function pgscore._loadable(model text, version integer) returns boolean
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regnamespace('pgscore_trusted') is null then
        return false;
    end if;
    return
        (
            select e.scores is not null
            from pgscore.model_version v, pgscore_trusted._estimate(v.digest, 0, null, null, false) e
            where v.model = _loadable.model and v.version = _loadable.version
        )
        or (select r.message is null from pgscore._load_refusal(model, version) r);
end
$$;

comment on function pgscore._loadable(text, integer) is 'Whether this backend has the artifact of a version, or can load it';

-- core/engine/_estimate.sql
-- Parallel workers would each import scikit-learn for some seconds: restricted, although it would be safe.
create function pgscore._estimate(
    model text, version integer, digest text, rows integer, numbers double precision[], texts text[],
    every boolean default false
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    answer record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        perform pgscore._load(model, version);  -- says what is missing
    end if;
    select e.scores, e.reasons into answer from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
    if answer.scores is null then
        perform pgscore._load(model, version);
        select e.scores, e.reasons into answer from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
        if answer.scores is null then
            raise exception 'model "%" version % cannot be loaded: it is not what its digest says', model, version
                using errcode = 'data_corrupted', hint = 'Publish the model again from its source.';
        end if;
    end if;
    return (version, answer.scores, answer.reasons)::pgscore.scored;
end
$$;

comment on function pgscore._estimate(text, integer, text, integer, double precision[], text[], boolean) is
    'The estimator engine: scores rows, given as arrays row by row, with one version; with every, all outputs of each row and the position of its label';
grant execute on function pgscore._estimate(text, integer, text, integer, double precision[], text[], boolean)
    to pgscore_reader;

-- core/engine/_load_program.sql
create function pgscore._load_program(model text, version integer) returns void
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    refusal record;
begin
    -- Here, because PL/Python would call it in a subtransaction, which parallel workers cannot have.
    perform pgscore_trusted._runtime();
    select l.sqlstate, l.message, l.hint into refusal
    from pgscore.program p, pgscore_trusted._load_program(p.program::text) l
    where p.model = _load_program.model and p.version = _load_program.version;
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be interpreted: %', model, version, refusal.message
            using errcode = refusal.sqlstate, hint = refusal.hint;
    end if;
end
$$;

comment on function pgscore._load_program(text, integer) is 'Has this backend read the program of a version for its interpreter';
grant execute on function pgscore._load_program(text, integer) to pgscore_reader;

-- core/engine/_interpret.sql
create function pgscore._interpret(
    model text, version integer, digest text, positive integer, numbers double precision[], texts text[]
) returns double precision
language plpgsql stable parallel safe cost 1000
set search_path = pg_catalog, pg_temp
as $$
declare
    score double precision := pgscore_trusted._walk(digest, positive, numbers, texts);
begin
    -- No score is NaN: this backend does not have the program yet.
    if score = 'NaN' then
        perform pgscore._load_program(model, version);
        score := pgscore_trusted._walk(digest, positive, numbers, texts);
    end if;
    return score;
end
$$;

comment on function pgscore._interpret(text, integer, text, integer, double precision[], text[]) is
    'The interpreter engine: the score of a row, given as its number inputs and its text inputs';
grant execute on function pgscore._interpret(text, integer, text, integer, double precision[], text[]) to pgscore_reader;

-- core/engine/_interpret_outputs.sql
create function pgscore._interpret_outputs(
    model text, version integer, digest text, numbers double precision[], texts text[]
) returns double precision[]
language plpgsql stable parallel safe cost 1000
set search_path = pg_catalog, pg_temp
as $$
declare
    outputs double precision[] := pgscore_trusted._walk_outputs(digest, numbers, texts);
begin
    -- An array without elements: this backend does not have the program yet.
    if outputs = '{}' then
        perform pgscore._load_program(model, version);
        outputs := pgscore_trusted._walk_outputs(digest, numbers, texts);
    end if;
    return outputs;
end
$$;

comment on function pgscore._interpret_outputs(text, integer, text, double precision[], text[]) is
    'The interpreter engine: all outputs of a row, NULL where there is no score';
grant execute on function pgscore._interpret_outputs(text, integer, text, double precision[], text[]) to pgscore_reader;

-- core/engine/_reason.sql
create function pgscore._reason(model text, version integer, numbers double precision[], texts text[]) returns text
language sql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._program_reason(p.program, numbers, texts)
    from pgscore.program p
    where p.model = _reason.model and p.version = _reason.version
$$;

comment on function pgscore._reason(text, integer, double precision[], text[]) is
    'Why the program of a version refuses a row; NULL where it does not, or where a value is missing';
grant execute on function pgscore._reason(text, integer, double precision[], text[]) to pgscore_reader;

-- core/engine/_with_label.sql
create function pgscore._with_label(outputs double precision[], kind text, tie text) returns double precision[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when outputs is null or array_position(outputs, null) is not null or array_position(outputs, 'NaN') is not null then null
        when kind = 'value' then outputs
        else
            case when kind = 'probability' then outputs else '{}' end
            || (
                select o.position - 1
                from unnest(outputs) with ordinality as o (output, position)
                order by o.output desc, case tie when 'first' then o.position else -o.position end
                limit 1
            )::double precision
    end
$$;

comment on function pgscore._with_label(double precision[], text, text) is
    'Outputs of a program as the estimator engine gives them: probabilities and the position of the label, the position alone, or the value';
grant execute on function pgscore._with_label(double precision[], text, text) to pgscore_reader;

-- core/engine/_split_arguments.sql
create function pgscore._split_arguments(inputs jsonb, arguments text[], out numbers text, out texts text)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- Arrays without elements cannot be put together.
    select
        coalesce('array[' || string_agg(a.argument, ', ' order by a.ordinal) filter (where not a.is_text)
            || ']::double precision[]', 'null'),
        coalesce('array[' || string_agg(a.argument, ', ' order by a.ordinal) filter (where a.is_text) || ']::pg_catalog.text[]', 'null')
    from (
        select i.ordinal, i.input ->> 'type' = 'text' as is_text, arguments[i.ordinal] as argument
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    ) a
$$;

comment on function pgscore._split_arguments(jsonb, text[]) is
    'SQL for the two arrays, of numbers and of texts, that the inputs of a contract travel in, out of SQL for each input';

-- core/engine/_payload_arguments.sql
create function pgscore._payload_arguments(inputs jsonb, source text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        format(
            'pgscore._payload_value(%s, %L, %L)%s', source, i.input ->> 'name', i.input ->> 'type',
            case i.input ->> 'type'
                when 'text' then ''
                when 'boolean' then '::boolean::integer::double precision'
                else '::double precision'
            end
        )
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
$$;

comment on function pgscore._payload_arguments(jsonb, text) is
    'SQL for each input of a contract, out of the JSON object that stands under the name in source';

-- core/engine/_engine_call.sql
-- Inlined; a body of SQL's own standard, because the operator that nullif takes is found when the body is parsed.
create function pgscore._known(score double precision) returns double precision
language sql immutable parallel safe
return nullif(score, 'NaN'::double precision);

comment on function pgscore._known(double precision) is
    'A score of the interpreter''s; NULL where it says by NaN that this session does not have the program yet';
grant execute on function pgscore._known(double precision) to pgscore_reader;

create function pgscore._engine_call(
    engine text, model text, version integer, arguments text[], every boolean default false,
    ordinary boolean[] default null, briefly boolean default false
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    split record;
    call text;
begin
    select
        v.digest, v.contract -> 'inputs' as inputs, v.contract #>> '{output,kind}' as kind,
        (v.contract #>> '{output,positive}')::integer as positive, p.program, p.digest as program_digest
    into strict described
    from pgscore.model_version v left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _engine_call.model and v.version = _engine_call.version;
    select * into split from pgscore._split_arguments(described.inputs, arguments);
    if engine = 'estimator' then
        return format(
            '(pgscore._estimate(%L, %s, %L, 1, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif engine = 'sql' and not every and ordinary is not null then
        return pgscore._scorer_call_typed(
            model, version, described.program, described.positive, arguments, ordinary
        );
    elsif engine = 'sql' then
        call := pgscore._scorer_call(model, version, cardinality(arguments), arguments, every);
    elsif every then
        call := format(
            'pgscore._interpret_outputs(%L, %s, %L, %s, %s)', model, version, described.program_digest,
            split.numbers, split.texts
        );
    elsif briefly then
        -- Half the expression: to set it up, in each transaction anew, costs as much as to walk the program.
        call := format(
            'pgscore._known(pgscore_trusted._walk(%L, %s, %s, %s))',
            described.program_digest, coalesce(described.positive, 0), split.numbers, split.texts
        );
    else
        -- NaN: this backend does not have the program yet. NULL as well takes the way through plpgsql, which most rows
        -- are spared.
        call := format(
            'coalesce(pgscore._known(pgscore_trusted._walk(%3$L, %4$s, %5$s, %6$s)),'
                ' pgscore._interpret(%1$L, %2$s, %3$L, %4$s, %5$s, %6$s))',
            model, version, described.program_digest, coalesce(described.positive, 0), split.numbers, split.texts
        );
    end if;
    return case
        when every then format('pgscore._with_label(%s, %L, %L)', call, described.kind, described.program ->> 'tie')
        else call
    end;
end
$$;

comment on function pgscore._engine_call(text, text, integer, text[], boolean, boolean[], boolean) is
    'SQL that scores a row with one engine of a version, its inputs given as SQL; with every, all outputs and the position of the label; briefly, NULL may also mean that this session has to be asked in another way';

-- core/engine/_engines.sql
create function pgscore._engines(model text, version integer) returns text[]
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    size constant integer := (
        select p.size from pgscore.program p where p.model = _engines.model and p.version = _engines.version
    );
    found text[] := '{}';
begin
    if size is null then
        return array['estimator'];
    end if;
    if size <= pgscore._largest_sql_program() then
        found := found || 'sql'::text;
    end if;
    if to_regnamespace('pgscore_trusted') is not null then
        found := found || 'interpreter'::text;
        -- With a program nothing depends on the artifact: neither on its signature nor on the server's packages.
        if pgscore._loadable(model, version) then
            found := found || 'estimator'::text;
        end if;
    end if;
    if found = '{}' then
        raise exception 'model "%" version % has a program of size %, the sql engine takes % at most, and this database has no PL/Python for another engine',
            model, version, size, pgscore._largest_sql_program()
            using errcode = 'program_limit_exceeded',
                  hint = 'Fit a smaller model, or have a superuser run alembic upgrade plpython@head.';
    end if;
    return found;
end
$$;

comment on function pgscore._engines(text, integer) is 'The engines that a version has in this database';

-- core/engine/_replay_estimator.sql
create function pgscore._replay_estimator(model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with asked as materialized (
        select
            v.digest,
            count(*)::integer as rows,
            -- Arrays without elements cannot be put together.
            array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0) as numbers,
            array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0) as texts,
            array_agg(g.ordinal order by g.ordinal) as ordinals,
            case v.contract #>> '{output,kind}'
                when 'probability' then jsonb_array_length(v.contract #> '{output,classes}') + 1
                else 1
            end as width,
            v.contract #>> '{output,kind}' as kind,
            (v.contract #>> '{output,positive}')::integer as positive
        from pgscore.model_version v
        cross join lateral (
            select
                r.ordinal,
                pgscore._payload_numbers(v.contract -> 'inputs', r.inputs) as numbers,
                pgscore._payload_texts(v.contract -> 'inputs', r.inputs) as texts
            from pgscore.golden_row r
            where r.model = v.model and r.version = v.version and r.ordinal between first and last
        ) g
        where v.model = _replay_estimator.model and v.version = _replay_estimator.version
        group by v.digest, v.contract
    ),
    answered as materialized (
        select
            a.width, a.ordinals, a.kind, a.positive,
            pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, a.digest, a.rows, a.numbers, a.texts, true
            ) as scored
        from asked a
    ),
    rows as (
        select
            a.ordinals[r.position] as ordinal, a.kind, a.positive, r.reason,
            (a.scored).scores[(r.position - 1) * a.width + 1 : r.position * a.width] as outputs
        from answered a, unnest((a.scored).reasons) with ordinality as r (reason, position)
    )
    -- One call for both: the score is one of the outputs.
    select
        r.ordinal,
        case r.kind
            when 'probability' then r.outputs[r.positive + 1]
            when 'indicator' then (r.outputs[1] = r.positive)::integer
            else r.outputs[1]
        end,
        r.reason, r.outputs
    from rows r
$$;

comment on function pgscore._replay_estimator(text, integer, integer, integer) is
    'Scores and outputs that the estimator engine gives for some golden rows of a version, in one call';

-- core/engine/_replay.sql
create function pgscore._replay(engine text, model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    arguments constant text[] := (
        select pgscore._payload_arguments(v.contract -> 'inputs', 'g.inputs')
        from pgscore.model_version v
        where v.model = _replay.model and v.version = _replay.version
    );
begin
    if engine = 'estimator' then
        return query select r.* from pgscore._replay_estimator(model, version, first, last) r;
        return;
    end if;
    return query execute format(
        'select g.ordinal, %s, null::text, %s from pgscore.golden_row g where g.model = $1 and g.version = $2'
            ' and g.ordinal between $3 and $4',
        pgscore._engine_call(engine, model, version, arguments),
        pgscore._engine_call(engine, model, version, arguments, true)
    )
    using model, version, first, last;
end
$$;

comment on function pgscore._replay(text, text, integer, integer, integer) is
    'Scores and outputs that one engine gives for some golden rows of a version';

-- core/functions/_distance.sql
create function pgscore._distance(one double precision, other double precision) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when one is null and other is null or one = other then 0
        when one is null or other is null or 'Infinity' in (abs(one), abs(other)) then 'Infinity'
        when sign(one) <> sign(other) and greatest(abs(one), abs(other)) > 1e307 then 'Infinity'
        else abs(one - other)
    end
$$;

comment on function pgscore._distance(double precision, double precision) is
    'How far apart two scores are; infinitely, where one is NULL and the other is not';

-- core/engine/_golden_differences.sql
create function pgscore._golden_differences(
    model text, version integer, max_seconds double precision default 'Infinity'
) returns table (
    engine text, ordinal integer, expected double precision, score double precision, reason text,
    difference double precision, ok boolean
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    began constant timestamptz := clock_timestamp();
    last_row constant integer := (
        select max(g.ordinal) from pgscore.golden_row g
        where g.model = _golden_differences.model and g.version = _golden_differences.version
    );
    named text;
    first integer;
    last integer;
    turn_began timestamptz;
    seconds double precision;
    step integer;
begin
    foreach named in array pgscore._engines(model, version) loop
        first := 1;
        step := 10;
        -- The clock is looked at between some rows and the next: a timeout that is set in here would interrupt nothing.
        while first <= last_row loop
            turn_began := clock_timestamp();
            last := least(first + step - 1, last_row);
            return query
            with replayed as materialized (
                select r.* from pgscore._replay(named, _golden_differences.model, _golden_differences.version, first, last) r
            ),
            compared as (
                select
                    g.ordinal, g.expected, r.score, r.reason, g.scale,
                    greatest(
                        pgscore._distance(g.expected, r.score),
                        (
                            select max(pgscore._distance(o.expected, o.output))
                            from unnest(g.outputs, r.outputs) as o (expected, output)
                            where g.outputs is not null
                        )
                    ) as difference
                from pgscore.golden_row g
                join replayed r on r.ordinal = g.ordinal
                where g.model = _golden_differences.model and g.version = _golden_differences.version
            )
            -- The same estimator may differ in the last bits when another processor's arithmetic adds in another order,
            -- and a sum of large terms in more of them.
            select named, c.ordinal, c.expected, c.score, c.reason, c.difference,
                c.difference <= 1e-12 * greatest(1, abs(c.expected), c.scale)
            from compared c;
            seconds := extract(epoch from clock_timestamp() - began);
            if seconds > max_seconds then
                raise exception 'model "%" version % takes too long: % seconds to golden row % of % in the % engine, and % are allowed',
                    model, version, round(seconds::numeric, 1), last, last_row, named, max_seconds
                    using errcode = 'program_limit_exceeded',
                          hint = '--max-seconds, or max_seconds of pgscore.promote, allows more.';
            end if;
            step := case
                when clock_timestamp() < turn_began + interval '50 milliseconds' then least(10 * step, 1000)
                else greatest(step / 4, 1)
            end;
            first := last + 1;
        end loop;
    end loop;
end
$$;

comment on function pgscore._golden_differences(text, integer, double precision) is
    'Replays the golden rows of a version in each engine that it has and compares scores and all outputs, row by row; refused where that takes longer';

-- core/engine/_time_statement.sql
create function pgscore._time_statement(
    query text, numbers double precision[], texts text[], rows integer, repeats integer, until timestamptz
) returns double precision
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    times double precision[] := '{}';
    started timestamptz;
    ignored bigint;
begin
    for turn in 0 .. repeats loop
        started := clock_timestamp();
        execute query into ignored using numbers, texts, rows;
        -- The first one warms up.
        if turn > 0 or clock_timestamp() > until then
            times := times || (extract(epoch from clock_timestamp() - started) * 1e6)::double precision;
        end if;
        exit when clock_timestamp() > until;
    end loop;
    return (select percentile_cont(0.5) within group (order by t.time) from unnest(times) as t (time));
end
$$;

comment on function pgscore._time_statement(text, double precision[], text[], integer, integer, timestamptz) is
    'Microseconds that a statement takes, planned each time: the median of some runs, or of fewer where time is over';

-- core/engine/_time_prepared.sql
create function pgscore._time_prepared(
    query text, numbers double precision[], texts text[], repeats integer, until timestamptz
) returns double precision
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
as $$
declare
    times double precision[] := '{}';
    started timestamptz;
    run constant text := format('execute "pgscore measures" (%L, %L)', numbers, texts);
begin
    -- What a failed measurement left.
    if exists (select from pg_catalog.pg_prepared_statements s where s.name = 'pgscore measures') then
        deallocate "pgscore measures";
    end if;
    execute format('prepare "pgscore measures" (double precision[], text[]) as %s', query);
    for turn in -2 .. repeats loop
        started := clock_timestamp();
        execute run;
        if turn > 0 or clock_timestamp() > until then
            times := times || (extract(epoch from clock_timestamp() - started) * 1e6)::double precision;
        end if;
        exit when clock_timestamp() > until;
    end loop;
    deallocate "pgscore measures";
    return (select percentile_cont(0.5) within group (order by t.time) from unnest(times) as t (time));
end
$$;

comment on function pgscore._time_prepared(text, double precision[], text[], integer, timestamptz) is
    'Microseconds that a prepared statement takes, from starting its plan to its end: the median of some runs, or of fewer where time is over';

-- core/engine/_measure.sql
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

-- core/engine/_choose_engines.sql
create function pgscore._choose_engines(
    model text, version integer, named text, out one_engine text, out many_engine text, out measured jsonb
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    engines constant text[] := pgscore._engines(model, version);
    -- What has no score to measure, or one engine only, needs no choice; and scikit-learn is the last resort, since each
    -- new connection pays seconds for it.
    candidates constant text[] := coalesce(nullif(array_remove(engines, 'estimator'), '{}'), engines);
begin
    if named is not null and named <> all (engines) then
        raise exception 'model "%" version % has no engine "%" in this database', model, version, named
            using errcode = 'invalid_parameter_value', hint = format('It has %s.', array_to_string(engines, ', '));
    end if;
    -- sql needs nothing, not even an interpreter's start: another engine has to be twice as fast for one row, of which a
    -- statement of its own takes more than a trigger does, and a third faster for many.
    with times as materialized (
        select e.engine, m.one_us, m.many_us
        from unnest(engines) as e (engine), pgscore._measure(_choose_engines.model, _choose_engines.version, e.engine) m
    )
    select
        (array_agg(t.engine order by t.one_us * case t.engine when 'sql' then 0.5 else 1 end) filter (where c.is_candidate))[1],
        (array_agg(t.engine order by t.many_us * case t.engine when 'sql' then 0.75 else 1 end) filter (where c.is_candidate))[1],
        jsonb_object_agg(t.engine, jsonb_build_array(t.one_us::text, t.many_us::text))
    into one_engine, many_engine, measured
    from times t, lateral (select t.engine = any (case when named is null then candidates else array[named] end) as is_candidate) c;
end
$$;

comment on function pgscore._choose_engines(text, integer, text) is
    'Measures the engines of a version and chooses those for one row and for many, or takes the one that is named for both';

create function pgscore._note_measurements(model text, version integer, measured jsonb) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    delete from pgscore.measurement m
    where m.model = _note_measurements.model and m.version = _note_measurements.version;
    insert into pgscore.measurement (model, version, engine, one_us, many_us)
    select _note_measurements.model, _note_measurements.version, e.key, (e.value ->> 0)::double precision, (e.value ->> 1)::double precision
    from jsonb_each(measured) e;
$$;

comment on function pgscore._note_measurements(text, integer, jsonb) is 'Keeps how long the engines of a version took';

-- core/functions/verify.sql
create function pgscore.verify(model text, version integer default null) returns table (
    engine text, rows integer, max_abs_diff double precision, ok boolean
)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    version := pgscore._existing_version(model, version);
    perform pgscore._refuse_pruned(model, version);
    return query
    select d.engine, count(*)::integer, max(d.difference), bool_and(d.ok)
    from pgscore._golden_differences(verify.model, verify.version) d
    group by d.engine;
end
$$;

comment on function pgscore.verify(text, integer) is
    'Replays the golden rows of a version (without one: the latest) in each engine and says how far it is from the fitted estimator';
grant execute on function pgscore.verify(text, integer) to pgscore_publisher, pgscore_operator;

-- core/functions/_publish.sql
create function pgscore._publish(
    model text, digest text, sha256 text, size bigint, format text, contract jsonb, signature bytea, key_id text,
    metrics jsonb, golden jsonb, program jsonb, out version integer, out created boolean, out wanted boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
begin
    if model is null or model !~ '^[a-z_][a-z0-9_]*$' or octet_length(model) > 50 then
        raise exception 'model name % is no identifier: lower-case letters, digits and _, at most 50',
            coalesce('"' || model || '"', 'NULL')
            using errcode = 'invalid_name';
    end if;
    if jsonb_array_length(golden) = 0 then
        raise exception 'model "%" comes without golden rows, and nothing is promoted unproved', model
            using errcode = 'invalid_parameter_value';
    end if;
    problem := case
        when program is not null then coalesce(
            pgscore._program_problem(program), pgscore._program_contract_problem(program, contract)
        )
    end;
    if problem is not null then
        raise exception 'the program of model "%" is refused: %', model, problem
            using errcode = 'invalid_parameter_value', hint = 'docs/program.md describes programs.';
    end if;
    insert into pgscore.model (name) values (model) on conflict do nothing;
    -- Versions are numbered one after the other. Not by a lock on the model's row: a publication that is left open would
    -- stand in the way of promotions. Whoever takes the same number, or publishes the same, waits and looks again.
    loop
        select v.version into version
        from pgscore.model_version v
        where v.model = _publish.model and v.digest = _publish.digest
            and (_publish.key_id is null or v.key_id = _publish.key_id)
        order by v.version desc
        limit 1;
        created := not found;
        exit when not created;
        select coalesce(max(v.version), 0) + 1 into version from pgscore.model_version v where v.model = _publish.model;
        begin
            insert into pgscore.model_version (
                model, version, digest, sha256, size, format, contract, signature, key_id, metrics
            ) values (
                _publish.model, _publish.version, _publish.digest, _publish.sha256, _publish.size, _publish.format,
                _publish.contract, _publish.signature, _publish.key_id, coalesce(_publish.metrics, '{}')
            );
            exit;
        exception when unique_violation then
            -- An older snapshot would never see what is there now.
            if current_setting('transaction_isolation') <> 'read committed' then
                raise;
            end if;
        end;
    end loop;
    if created then
        insert into pgscore.golden_row (model, version, ordinal, inputs, expected, outputs, scale)
        select
            _publish.model, _publish.version, g.ordinal, g.line -> 'inputs', (g.line ->> 'expected')::double precision,
            case when jsonb_typeof(g.line -> 'outputs') = 'array' then
                array(
                    select o.output::double precision
                    from jsonb_array_elements_text(g.line -> 'outputs') with ordinality as o (output, position)
                    order by o.position
                )
            end,
            coalesce((g.line ->> 'scale')::double precision, 0)
        from jsonb_array_elements(golden) with ordinality as g (line, ordinal);
        if program is not null then
            perform pgscore._store_program(model, version, program);
        end if;
    else
        -- An artifact that was pruned may come back, as its version stays the same.
        update pgscore.retirement r set pruned_at = null, pruned_by = null
        where r.model = _publish.model and r.version = _publish.version and r.pruned_at is not null;
        wanted := found;
    end if;
    wanted := created or wanted;
    if wanted then
        perform pgscore._compile_program(model, version);
    end if;
end
$$;

comment on function pgscore._publish(text, text, text, bigint, text, jsonb, bytea, text, jsonb, jsonb, jsonb) is
    'Stores a version with its golden rows, or answers with the version that has the same artifact, contract and key; wanted: pgscore._store_chunk has to follow';
grant execute on function pgscore._publish(text, text, text, bigint, text, jsonb, bytea, text, jsonb, jsonb, jsonb)
    to pgscore_publisher;

-- core/functions/_store_chunk.sql
create function pgscore._store_chunk(model text, version integer, content bytea) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    before record;
begin
    select v.size, count(c.ordinal) as chunks, coalesce(sum(octet_length(c.content)), 0) as stored,
        exists (
            select from pgscore.retirement r
            where r.model = v.model and r.version = v.version and r.pruned_at is not null
        ) as pruned
    into before
    from pgscore.model_version v left join pgscore.artifact_chunk c on c.model = v.model and c.version = v.version
    where v.model = _store_chunk.model and v.version = _store_chunk.version
    group by v.model, v.version;
    -- What is complete takes nothing more, so a version that was committed cannot change.
    if before.size is null or before.pruned or before.stored + octet_length(content) > before.size then
        raise exception 'model "%" version % takes no more bytes of an artifact', model, version
            using errcode = 'object_not_in_prerequisite_state', hint = 'Publish a new version instead.';
    end if;
    insert into pgscore.artifact_chunk (model, version, ordinal, content)
    values (_store_chunk.model, _store_chunk.version, before.chunks + 1, _store_chunk.content);
end
$$;

comment on function pgscore._store_chunk(text, integer, bytea) is
    'Adds the next piece of an artifact to a version that this transaction publishes';
grant execute on function pgscore._store_chunk(text, integer, bytea) to pgscore_publisher;

-- core/functions/_prediction.sql
create function pgscore._prediction(version integer, output jsonb, outputs double precision[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    select case
        when outputs is null or array_position(outputs, null) is not null then null
        when output ->> 'kind' = 'value' then jsonb_build_object('version', version, 'value', outputs[1])
        else
            jsonb_build_object(
                'version', version, 'label', output -> 'classes' -> outputs[cardinality(outputs)]::integer
            )
            || case output ->> 'kind'
                when 'probability' then jsonb_build_object(
                    'probabilities',
                    (
                        select jsonb_object_agg(c.label, outputs[c.position])
                        from jsonb_array_elements_text(output -> 'classes') with ordinality as c (label, position)
                    )
                )
                else '{}'
            end
    end
$$;

comment on function pgscore._prediction(integer, jsonb, double precision[]) is
    'What pgscore.predict answers: version, label and class probabilities, or version and value, out of all outputs of a row';
grant execute on function pgscore._prediction(integer, jsonb, double precision[]) to pgscore_reader;

-- core/functions/scoring.sql
-- The text of the functions that answer for a model: by JSON, by rows of a profile table, and the ones in front of
-- them, which choose by the model's name. Those that are inlined are parsed under the caller's search_path, so
-- everything in them names its schema, operators too.
--
-- A function for rows of a table names a version. Whether that one answers, it asks "churn serving"(), which each
-- promotion replaces and the planner folds away. So a function that a promotion could not replace is slow, not wrong.

create function pgscore._model_functions(model text) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    payload text[];
    split record;
    posture text;
begin
    select v.version, v.contract -> 'inputs' as inputs, v.contract -> 'output' as output, m.one_engine, v.digest
    into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _model_functions.model;
    posture := 'sql stable parallel ' || case serving.one_engine when 'estimator' then 'restricted' else 'safe' end;
    payload := pgscore._payload_arguments(serving.inputs, '$1');
    split := pgscore._split_arguments(serving.inputs, payload);

    -- Stable, not immutable: plans depend on functions that were inlined, and not on constants that were computed.
    return next (
        pgscore._model_function(model, 'serving'), '{}', '{}', 'integer', 'sql stable parallel safe',
        'select ' || serving.version,
        format('Model "%s" version %s: the number of the version that answers', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, ''), '{payload}', '{jsonb}', 'double precision', posture,
        'select ' || pgscore._engine_call(serving.one_engine, model, serving.version, payload),
        format('Model "%s" version %s: a row as JSON', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'predict'), '{payload}', '{jsonb}', 'jsonb', posture,
        format(
            'select pgscore._prediction(%s, %L, %s)', serving.version, serving.output,
            pgscore._engine_call(serving.one_engine, model, serving.version, payload, true)
        ),
        format('Model "%s" version %s: label and class probabilities, or value, of a row as JSON', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'scored'), '{payload}', '{jsonb}', 'pgscore.scored',
        'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp',
        case serving.one_engine
            when 'estimator' then format(
                E'begin\n    return pgscore._estimate(%L, %s, %L, 1, %s, %s);\nend', model, serving.version, serving.digest,
                split.numbers, split.texts
            )
            else format(
                E'declare\n    score constant double precision := %s;\nbegin\n'
                    '    return (%s, array[score], array[case when score is null then pgscore._reason(%L, %s, %s, %s) end])'
                    '::pgscore.scored;\nend',
                pgscore._engine_call(serving.one_engine, model, serving.version, payload), serving.version,
                model, serving.version, split.numbers, split.texts
            )
        end,
        format('Model "%s" version %s: a row as JSON, with the version and the reason of a refusal', model, serving.version)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._model_functions(text) is 'The functions that answer for a model by JSON, naming the version that serves';

create function pgscore._model_function(model text, what text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- The blank keeps it apart from what is called after another model: their names have none.
    select 'pgscore_models.' || quote_ident(concat_ws(' ', model, nullif(what, '')))
$$;

comment on function pgscore._model_function(text, text) is
    'The name of a function of a model''s: no word: the score; serving: the version; row, rows, rescore: what bindings ask; predict, scored: by JSON';

create function pgscore._profile_functions(model text, profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    problem record;
    arguments text[];
    ordinary boolean[];
    is_current text;
    says text;
    row_type constant text := profile::text;
    many_posture text := 'sql stable parallel safe';
    one_posture text := 'sql stable parallel safe';
    rows_posture constant text := 'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp';
    late_score constant text := format('pgscore._late_score(%L, $1)', model);
    late_rows constant text := format('pgscore._late_rows(%L, $1)', model);
    late_rescore constant text := format('pgscore._late_rescore(%L, $2)', model);
    score text := 'select ' || late_score;
    one_score text := 'select ' || late_score;
    rescore text := 'select ' || late_rescore;
    rows_body text := format(E'begin\n    return %s;\nend', late_rows);
begin
    select v.version, v.contract -> 'inputs' as inputs, m.one_engine, m.many_engine
    into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _profile_functions.model;
    says := format('Model "%s" version %s: ', model, serving.version);
    select p.* into problem from pgscore._profile_problem(profile, serving.inputs) p;
    if problem.message is null then
        ordinary := pgscore._ordinary_columns(profile, serving.inputs);
        arguments := pgscore._profile_arguments(profile, serving.inputs, '($1)');
        is_current := format('%s() operator(pg_catalog.=) %s', pgscore._model_function(model, 'serving'), serving.version);
        -- Queries take the engine for many rows. What it calls may be parallel safe, and the estimator engine is not.
        score := format(
            E'select case when %s\n    then %s\n    else %s\nend', is_current,
            pgscore._engine_call(serving.many_engine, model, serving.version, arguments, false, ordinary), late_score
        );
        one_score := format(
            E'select case when %s\n    then %s\n    else %s\nend', is_current,
            pgscore._engine_call(serving.one_engine, model, serving.version, arguments, false, ordinary), late_score
        );
        rescore := format(
            E'select case when not %s\n    then %s\n    when $3 or %s\n    then array[%s, %s::double precision]\nend', is_current,
            late_rescore, pgscore._inputs_differ(profile, serving.inputs, '($1)', '($2)'),
            pgscore._engine_call(
                serving.one_engine, model, serving.version,
                pgscore._profile_arguments(profile, serving.inputs, '($2)'), false, ordinary, true
            ),
            serving.version
        );
        rows_body := format(
            E'begin\n    if not %s then\n        return %s;\n    end if;\n'
                '    -- Neither pays for the other''s plan.\n'
                '    if cardinality($1) = 1 then\n        %s\n    end if;\n    %s\nend',
            is_current, late_rows,
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.one_engine, profile),
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.many_engine, profile)
        );
        if serving.many_engine = 'estimator' then
            many_posture := 'sql stable parallel restricted';
        end if;
        if serving.one_engine = 'estimator' then
            one_posture := 'sql stable parallel restricted';
        end if;
    else
        -- It asks again at each call: the column may come back.
        says := says || problem.message || ': ';
    end if;
    return next (
        pgscore._model_function(model, ''), '{profile}', array[row_type], 'double precision', many_posture, score,
        format('%sa row of %s', says, profile)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'row'), '{profile}', array[row_type], 'double precision', one_posture, one_score,
        format('%sthe only row of %s that is scored', says, profile)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'rescore'), '{former,present,forced}', array[row_type, row_type, 'boolean'],
        'double precision[]', one_posture, rescore,
        format('%sscore and version of a row of %s, if what the model reads has changed; without a score, ask for an array of one row', says, profile)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'rows'), '{profiles}', array[row_type || '[]'], 'pgscore.scored', rows_posture, rows_body,
        format('%srows of %s, with the version and the reasons of refusals', says, profile)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._profile_functions(text, regclass) is
    'The functions of a model that take rows of one profile table, naming the version that serves; where a column is missing, they say so';

create function pgscore._rows_statement(model text, version integer, inputs jsonb, engine text, profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    row_arguments constant text[] := pgscore._profile_arguments(profile, inputs, 'pgscore_row');
    -- The table's number ties the plan to it: a change of its columns reaches the plans of open sessions.
    tied constant text := format('where pg_typeof(%L::regclass) is not null', profile::oid);
    each_row constant text := ') from unnest($1) as pgscore_row ' || tied || ')';
    split record;
begin
    if engine = 'estimator' then
        split := pgscore._split_arguments(inputs, row_arguments);
        return format(
            'return pgscore._estimate(%L, %s, %L, cardinality($1), %s, %s);', model, version,
            (
                select v.digest from pgscore.model_version v
                where v.model = _rows_statement.model and v.version = _rows_statement.version
            ),
            coalesce('(select array_agg(' || nullif(split.numbers, 'null') || each_row, 'null'),
            coalesce('(select array_agg(' || nullif(split.texts, 'null') || each_row, 'null')
        );
    end if;
    -- A scan of an array is in its order; the subquery keeps each score from being computed twice; a reason is asked for
    -- only where there is no score.
    split := pgscore._split_arguments(inputs, pgscore._profile_arguments(profile, inputs, '(s.pgscore_row)'));
    return format(
        'return (
            select (%s, array_agg(s.score), array_agg(
                case when s.score is null then pgscore._reason(%L, %s, %s, %s) end
            ))::pgscore.scored
            from (select %s as score, pgscore_row from unnest($1) as pgscore_row offset 0) s
            %s
        );',
        version, model, version, split.numbers, split.texts,
        pgscore._engine_call(engine, model, version, row_arguments), tied
    );
end
$$;

comment on function pgscore._rows_statement(text, integer, jsonb, text, regclass) is
    'The statement with which the function that bindings call scores rows of a profile table with one engine';

create function pgscore._chosen(models text[], what text, arguments text, otherwise text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Inlined where the model's name is a constant: the planner keeps one branch. A short case would look for the
    -- operator along the search_path.
    select format(E'select case\n%s    else %s\nend',
        string_agg(
            format(E'    when $1 operator(pg_catalog.=) %L then %s(%s)\n', m.model, pgscore._model_function(m.model, what), arguments),
            '' order by m.model
        ), otherwise)
    from unnest(models) as m (model)
    having count(*) > 0
    union all
    select 'select ' || otherwise where cardinality(models) = 0
$$;

comment on function pgscore._chosen(text[], text, text, text) is
    'The body of a function that chooses by the model''s name: of these models it calls the functions of that word, with these arguments';

create function pgscore._payload_dispatch() returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    models text[];
    posture text;
begin
    -- As safe as the least safe of what it calls.
    select
        coalesce(array_agg(m.name order by m.name), '{}'),
        'sql stable parallel ' || case when bool_or('estimator' = m.one_engine) then 'restricted' else 'safe' end
    into models, posture
    from pgscore.model m
    where m.serving is not null;
    return next (
        'pgscore.score', '{model,payload}', '{text,jsonb}', 'double precision', posture,
        pgscore._chosen(models, '', '$2', 'pgscore._no_answer($1)'),
        'The score that a model''s serving version gives for a row as JSON'
    )::pgscore.generated_function;
    return next (
        'pgscore.predict', '{model,payload}', '{text,jsonb}', 'jsonb', posture,
        pgscore._chosen(models, 'predict', '$2', 'pg_catalog.to_jsonb(pgscore._no_answer($1))'),
        'What a model''s serving version says of a row as JSON: label and class probabilities, or value'
    )::pgscore.generated_function;
    return next (
        'pgscore._scored', '{model,payload}', '{text,jsonb}', 'pgscore.scored', 'sql stable parallel restricted',
        pgscore._chosen(models, 'scored', '$2', 'null::pgscore.scored'),
        'The score of a row as JSON, the version that gave it and the reason of a refusal; NULL where no version is promoted'
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._payload_dispatch() is 'pgscore.score and its kind for JSON: a choice among all models that are promoted';

create function pgscore._profile_dispatch(profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    models text[];
    many_posture text;
    one_posture text;
    row_type constant text := profile::text;
begin
    select
        coalesce(array_agg(m.name order by m.name), '{}'),
        'sql stable parallel ' || case when bool_or('estimator' = m.many_engine) then 'restricted' else 'safe' end,
        'sql stable parallel ' || case when bool_or('estimator' = m.one_engine) then 'restricted' else 'safe' end
    into models, many_posture, one_posture
    from pgscore.model m
    join pgscore._ties() t on t.model = m.name and t.profile = _profile_dispatch.profile
    where m.serving is not null
        -- What a promotion had to leave out.
        and to_regprocedure(format('%s(%s[])', pgscore._model_function(m.name, 'rows'), row_type)) is not null;
    return next (
        'pgscore.score', '{model,profile}', array['text', row_type], 'double precision', many_posture,
        pgscore._chosen(models, '', '$2', 'pgscore._late_score($1, $2)'),
        format('The score that a model''s serving version gives for a row of %s', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._score_row', '{model,profile}', array['text', row_type], 'double precision', one_posture,
        pgscore._chosen(models, 'row', '$2', 'pgscore._late_score($1, $2)'),
        format('The same as pgscore.score for %s, with the engine for one row', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._rescore', '{model,former,present,forced}', array['text', row_type, row_type, 'boolean'], 'double precision[]',
        one_posture, pgscore._chosen(models, 'rescore', '$2, $3, $4', 'pgscore._late_rescore($1, $3)'),
        format('Score and version of a row of %s; NULL if what the model reads has not changed, or no version is promoted', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._score_rows', '{model,profiles}', array['text', row_type || '[]'], 'pgscore.scored',
        'sql stable parallel restricted', pgscore._chosen(models, 'rows', '$2', 'pgscore._late_rows($1, $2)'),
        format('Scores of rows of %s and the version that gave them; NULL where no version is promoted', profile)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._profile_dispatch(regclass) is
    'pgscore.score and its kind for rows of a profile table: a choice among the models that score it';

-- core/functions/profiles.sql
-- Ties of models to profile tables. Whoever may read a table may tie it, and untie it: pgscore.model_profile is written
-- with the caller's rights, under row-level security. Functions are generated with pgscore's, from what stands there.

create function pgscore._is_readable(profile regclass) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- current_user: never the login role, nor what it has set.
    select has_table_privilege(current_user, c.oid, 'select') or pg_has_role(current_user, c.relowner, 'usage')
    from pg_catalog.pg_class c
    where c.oid = profile and c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
$$;

comment on function pgscore._is_readable(regclass) is
    'Whether the current role may read a table, or owns it; NULL where there is none, or it is of the system or temporary';
grant execute on function pgscore._is_readable(regclass) to pgscore_reader;

alter table pgscore.model_profile enable row level security;
create policy everybody_reads on pgscore.model_profile for select to pgscore_reader using (true);
create policy who_may_read_the_table_ties_it on pgscore.model_profile for insert to pgscore_reader
    with check (pgscore._is_readable(profile));
create policy who_may_read_the_table_unties_it on pgscore.model_profile for delete to pgscore_reader
    using (
        pgscore._is_readable(profile) or pg_has_role(current_user, 'pgscore_operator', 'usage')
        or not exists (select from pg_catalog.pg_class c where c.oid = profile)
    );
grant insert, delete on pgscore.model_profile to pgscore_reader;

comment on policy everybody_reads on pgscore.model_profile is 'Ties are no secret';
comment on policy who_may_read_the_table_ties_it on pgscore.model_profile is 'Nobody has functions generated on what is not theirs to read';
comment on policy who_may_read_the_table_unties_it on pgscore.model_profile is
    'So do operators; and what was dropped is anybody''s to clear away';

create function pgscore._ties() returns table (model text, profile regclass, is_bound boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A binding is a tie too, also one that came before its model.
    select t.model, t.profile, bool_or(t.is_bound)
    from (
        select p.model, p.profile, false as is_bound from pgscore.model_profile p
        union all
        select b.model, b.profile, true from pgscore.binding b
    ) t
    join pg_catalog.pg_class c on c.oid = t.profile
    group by t.model, t.profile
$$;

comment on function pgscore._ties() is 'Which models score which tables that are there; is_bound: a binding stores the scores';

create function pgscore._drop_functions(profile regclass, models text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    doomed regprocedure;
begin
    for doomed in
        select p.oid::regprocedure
        from pg_catalog.pg_class c
        join pg_catalog.pg_type t on t.oid = c.reltype
        join pg_catalog.pg_proc p on t.oid = any (p.proargtypes) or t.typarray = any (p.proargtypes)
        where c.oid = profile and p.proowner = current_user::regrole
            and (
                p.pronamespace = 'pgscore'::regnamespace and cardinality(models) = 0
                or p.pronamespace = 'pgscore_models'::regnamespace and split_part(p.proname, ' ', 1) <> all (models)
            )
    loop
        begin
            execute format('drop function %s', doomed);
        exception when dependent_objects_still_exist then
            -- A view of somebody's. It asks which version answers, and so is slow at worst.
            null;
        end;
    end loop;
end
$$;

comment on function pgscore._drop_functions(regclass, text[]) is
    'Drops what was generated for rows of a table, but for these models; what a view needs stays';

create function pgscore._replace_profile(profile regclass, models text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = profile);
    tied constant text[] := array(select t.model from pgscore._ties() t where t.profile = _replace_profile.profile);
begin
    if space is null or cardinality(tied) = 0 and not has_schema_privilege(space, 'usage') then
        return;
    elsif not has_schema_privilege(space, 'usage') then
        raise exception 'pgscore_owner may not use schema %, and functions are generated on the row type of %', space, profile
            using errcode = 'insufficient_privilege', hint = format('grant usage on schema %s to pgscore_owner', space);
    end if;
    perform pgscore._create_function(f)
    from pgscore.model m, pgscore._profile_functions(m.name, profile) f
    where m.name = any (tied) and m.name = any (models) and m.serving is not null;
    if cardinality(tied) > 0 or to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is not null then
        perform pgscore._create_function(f) from pgscore._profile_dispatch(profile) f;
    end if;
    perform pgscore._drop_functions(profile, tied);
end
$$;

comment on function pgscore._replace_profile(regclass, text[]) is
    'Writes what is generated for rows of a table: of these models, as far as they are tied to it, and what chooses among all; drops what is not needed';

create function pgscore._generate_profile(profile regclass) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    for attempt in 1 .. 3 loop
        begin
            perform pgscore._replace_profile(
                profile, array(select t.model from pgscore._ties() t where t.profile = _generate_profile.profile)
            );
            return;
        exception
            -- Somebody else replaces the same functions: "tuple concurrently updated" is an internal error.
            when lock_not_available or unique_violation or internal_error then
                if attempt = 3 and to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is null then
                    raise;
                end if;
        end;
    end loop;
    -- What stands there is slow at worst.
end
$$;

comment on function pgscore._generate_profile(regclass) is
    'Generates the functions for rows of a table anew, from what it is tied to; what is right stays as it is';
grant execute on function pgscore._generate_profile(regclass) to pgscore_reader;

create function pgscore._replace_quietly(profile regclass, models text[]) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $$
begin
    perform pgscore._replace_profile(profile, models);
    return null;
exception when others then
    return sqlerrm;
end
$$;

comment on function pgscore._replace_quietly(regclass, text[]) is
    'The same for a promotion, which fails because of no table: why it was not done, or NULL where it was';

create function pgscore._replace_profiles(model text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    began constant timestamptz := clock_timestamp();
    tie record;
    problem text;
begin
    for tie in
        select t.profile from pgscore._ties() t where t.model = _replace_profiles.model order by t.is_bound desc, t.profile::oid
    loop
        problem := case
            when clock_timestamp() > began + interval '3 seconds' then 'there was no time left'
            else pgscore._replace_quietly(tie.profile, array[model])
        end;
        if problem is not null then
            raise warning 'rows of table % are scored, but slowly: the functions for them could not be replaced: %', tie.profile, problem
                using hint = format('select pgscore._generate_profile(%L); `pgscore doctor` lists such tables.', tie.profile);
        end if;
    end loop;
end
$$;

comment on function pgscore._replace_profiles(text) is
    'Replaces the functions for rows of the tables that a model scores, for three seconds at most: those of bindings first, and none that somebody holds';

create function pgscore._outdated_profiles() returns table (model text, profile regclass)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select t.model, t.profile
    from pgscore._ties() t
    join pgscore.model m on m.name = t.model and m.serving is not null
    join pg_catalog.pg_class c on c.oid = t.profile
    where case
        -- Without it not even the names of functions are found.
        when has_schema_privilege(c.relnamespace, 'usage') then exists (
            select from pgscore._profile_functions(t.model, t.profile) f where not pgscore._is_generated(f)
            union all
            select from pgscore._profile_dispatch(t.profile) f where not pgscore._is_generated(f)
        )
        else true
    end
    order by t.model, t.profile::text
$$;

comment on function pgscore._outdated_profiles() is
    'Tables whose rows are scored slowly, because the functions for them are not what would be generated now';
grant execute on function pgscore._outdated_profiles() to pgscore_reader;

create function pgscore._add_profile(model text, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    kind constant "char" := (select c.relkind from pg_catalog.pg_class c where c.oid = profile);
begin
    if kind is null then
        raise exception 'there is no table with number %', profile using errcode = 'undefined_table';
    elsif kind not in ('r', 'p', 'v', 'm', 'f') then
        raise exception '% is no table', profile using errcode = 'wrong_object_type';
    elsif pgscore._is_readable(profile) is null then
        raise exception 'table % is temporary or the system''s: its rows are scored without functions of their own', profile
            using errcode = 'wrong_object_type';
    elsif not pgscore._is_readable(profile) then
        raise exception '% may not read table %, and so has no model score its rows', current_user, profile
            using errcode = 'insufficient_privilege', hint = format('grant select on %s to %I', profile, current_user);
    end if;
    insert into pgscore.model_profile (model, profile) values (_add_profile.model, _add_profile.profile)
    on conflict do nothing;
    perform pgscore._generate_profile(profile);
end
$$;

comment on function pgscore._add_profile(text, regclass) is
    'Has a model, which need not be published yet, score rows of a table that the caller may read';
grant execute on function pgscore._add_profile(text, regclass) to pgscore_reader;

create function pgscore._drop_profile(model text, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    if exists (
        select from pgscore.binding b join pg_catalog.pg_class c on c.oid = b.profile
        where b.model = _drop_profile.model and b.profile = _drop_profile.profile
    ) then
        raise exception 'a binding stores the scores that model "%" gives for rows of table %', model, profile
            using errcode = 'object_in_use', hint = '`pgscore detach` first.';
    end if;
    delete from pgscore.model_profile p where p.model = _drop_profile.model and p.profile = _drop_profile.profile;
    if not found and exists (
        select from pgscore.model_profile p where p.model = _drop_profile.model and p.profile = _drop_profile.profile
    ) then
        raise exception '% may not read table %, and so does not untie it', current_user, profile
            using errcode = 'insufficient_privilege', hint = 'Whoever may read it can, or a member of pgscore_operator.';
    elsif not found then
        raise exception 'model "%" is not tied to table %', model, profile
            using errcode = 'undefined_object', hint = format('`pgscore show %s` lists its tables.', model);
    end if;
    perform pgscore._generate_profile(profile);
end
$$;

comment on function pgscore._drop_profile(text, regclass) is
    'Has a model forget a table, which may be given by its number where it was dropped; its rows are scored like any other''s then';
grant execute on function pgscore._drop_profile(text, regclass) to pgscore_reader;

-- core/functions/_lock_generated.sql
create function pgscore._lock_generated() returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pg_advisory_xact_lock(hashtextextended('pgscore generated functions', 0))
$$;

comment on function pgscore._lock_generated() is
    'Until the transaction ends no other one replaces generated functions: two would meet in the catalog';

-- core/functions/records.sql
-- plpgsql, because only it takes a record: rows of subqueries, common table expressions, row(), views, other tables.
-- What becomes JSON on the way does so alike in every session.

create function pgscore.score(model text, profile record) returns double precision
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return pgscore.score(model, to_jsonb(profile));
end
$$;

comment on function pgscore.score(text, record) is
    'The score that a model''s serving version gives for any row that has the model''s inputs as columns';
grant execute on function pgscore.score(text, record) to pgscore_reader;

create function pgscore.predict(model text, profile record) returns jsonb
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return pgscore.predict(model, to_jsonb(profile));
end
$$;

comment on function pgscore.predict(text, record) is
    'What a model''s serving version says of any row that has its inputs as columns: label and class probabilities, or value';
grant execute on function pgscore.predict(text, record) to pgscore_reader;

select pgscore._create_function(f) from pgscore._payload_dispatch() f;

-- core/functions/release.sql
-- Which version answers. What takes long, replaying golden rows and measuring, comes first and is bounded in time; then
-- promotions, rollbacks, retirements and prunings wait for each other at pgscore.promotion, which only they lock.

create function pgscore._prove(model text, version integer, max_seconds double precision) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    worst record;
begin
    perform pgscore._refuse_pruned(model, version);
    select d.* into worst
    from pgscore._golden_differences(_prove.model, _prove.version, coalesce(max_seconds, 'Infinity')) d
    where d.ok is not true
    order by d.difference desc, d.ordinal
    limit 1;
    if found then
        raise exception 'model "%" version % is not promoted: golden row % gives % in the % engine, and the fitted estimator gave %',
            model, version, worst.ordinal, coalesce(worst.score::text, 'NULL'), worst.engine,
            coalesce(worst.expected::text, 'NULL')
            using errcode = 'data_exception',
                  detail = coalesce(worst.reason, format('They differ by %s.', worst.difference)),
                  hint = '`pgscore doctor` compares the libraries.';
    end if;
end
$$;

comment on function pgscore._prove(text, integer, double precision) is
    'Replays the golden rows of a version in each of its engines; refused where one differs, with the worst row, or where it takes longer';

create function pgscore._rollback_target(model text) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.version
    from pgscore.promotion p
    join pgscore.model m on m.name = p.model
    where p.model = _rollback_target.model and p.rolled_back_at is null and p.version <> m.serving
    order by p.id desc
    limit 1
$$;

comment on function pgscore._rollback_target(text) is
    'The version that answered before the one that does, promotions that were rolled back left out; NULL where there is none';

create function pgscore._lock_releases() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Whoever may only read the table cannot stand in the way of this lock, nor does it in theirs.
    lock table pgscore.promotion in share row exclusive mode;
end
$$;

comment on function pgscore._lock_releases() is
    'Until the transaction ends, no other one changes which version answers, or prunes';

create function pgscore._serve(
    model text, version integer, engine text, one_engine text default null, many_engine text default null
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if one_engine is null then
        select c.one_engine, c.many_engine into one_engine, many_engine
        from pgscore._choose_engines(_serve.model, _serve.version, _serve.engine) c;
    end if;
    update pgscore.model m
    set serving = _serve.version, engine = _serve.engine, one_engine = _serve.one_engine, many_engine = _serve.many_engine
    where m.name = _serve.model;
    perform pgscore._create_function(f) from pgscore._model_functions(model) f;
    perform pgscore._create_function(f) from pgscore._payload_dispatch() f;
    perform pgscore._replace_profiles(model);
end
$$;

comment on function pgscore._serve(text, integer, text, text, text) is
    'Has a version answer, with these engines: replaces the functions that name it. Callers hold the lock on releases';

create function pgscore.promote(
    model text, version integer, engine text default null, max_seconds double precision default 10
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    chosen record;
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    perform pgscore._prove(model, version, max_seconds);
    select c.* into chosen from pgscore._choose_engines(promote.model, promote.version, promote.engine) c;
    perform pgscore._lock_releases();
    perform pgscore._refuse_pruned(model, version);
    if exists (select from pgscore.retirement r where r.model = promote.model and r.version = promote.version) then
        raise exception 'model "%" version % is retired', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('`pgscore retire %s %s --undo` takes that back.', model, version);
    end if;
    if version is distinct from (select m.serving from pgscore.model m where m.name = promote.model) then
        insert into pgscore.promotion (model, version) values (promote.model, promote.version);
    end if;
    perform pgscore._note_measurements(model, version, chosen.measured);
    perform pgscore._serve(model, version, engine, chosen.one_engine, chosen.many_engine);
end
$$;

comment on function pgscore.promote(text, integer, text, double precision) is
    'Makes a version the one that answers, from the commit of this transaction on, after replaying its golden rows, which is to take no longer than that, and measuring its engines; or with the engine that is named';
grant execute on function pgscore.promote(text, integer, text, double precision) to pgscore_operator;

create function pgscore.rollback(model text, max_seconds double precision default 10) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    target integer;
    chosen record;
begin
    perform pgscore._existing_version(model, null);
    target := pgscore._rollback_target(model);
    if target is not null then
        perform pgscore._prove(model, target, max_seconds);
        select c.* into chosen from pgscore._choose_engines(model, target, null) c;
    end if;
    perform pgscore._lock_releases();
    if target is distinct from pgscore._rollback_target(model) then
        raise exception 'another version of model "%" was promoted meanwhile: nothing was rolled back', model
            using errcode = 'serialization_failure', hint = 'Look which one answers, and roll back again if it should not.';
    elsif target is null then
        raise exception 'model "%" has no version to go back to', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Only promotions can be taken back; `pgscore show` lists the versions that can be promoted.';
    end if;
    perform pgscore._refuse_pruned(model, target);
    update pgscore.promotion p
    set rolled_back_at = now(), rolled_back_by = session_user
    where p.model = rollback.model and p.rolled_back_at is null
        and p.id > (
            select max(t.id) from pgscore.promotion t
            where t.model = rollback.model and t.version = target and t.rolled_back_at is null
        );
    -- It answers again, whatever was thought of it meanwhile.
    delete from pgscore.retirement r where r.model = rollback.model and r.version = target;
    perform pgscore._note_measurements(model, target, chosen.measured);
    perform pgscore._serve(model, target, null, chosen.one_engine, chosen.many_engine);
    return target;
end
$$;

comment on function pgscore.rollback(text, double precision) is
    'Takes the latest promotion back: the version that answered before does again, from the commit of this transaction on; replaying its golden rows is to take no longer than that';
grant execute on function pgscore.rollback(text, double precision) to pgscore_operator;

create function pgscore.retire(model text, version integer, undo boolean default false) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    -- No promotion may come between.
    perform pgscore._lock_releases();
    if undo then
        perform pgscore._refuse_pruned(model, version);
        delete from pgscore.retirement r where r.model = retire.model and r.version = retire.version;
        return;
    end if;
    if version = (select m.serving from pgscore.model m where m.name = retire.model) then
        raise exception 'model "%" version % serves: it cannot be retired', model, version
            using errcode = 'object_in_use', hint = 'Promote another version first, or roll back.';
    end if;
    insert into pgscore.retirement (model, version) values (retire.model, retire.version) on conflict do nothing;
end
$$;

comment on function pgscore.retire(text, integer, boolean) is
    'Marks a version as not to be promoted any more, or takes the mark back; its artifact stays until it is pruned';
grant execute on function pgscore.retire(text, integer, boolean) to pgscore_operator;

create function pgscore.prune(
    model text, older_than interval default '0', keep integer default 0, dry_run boolean default false
) returns table (version integer, bytes bigint)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    target integer;
begin
    perform pgscore._existing_version(model, null);
    if keep is null or keep < 0 or older_than is null then
        raise exception 'prune takes an age and a count that is not negative, not % and %',
            coalesce(older_than::text, 'NULL'), coalesce(keep::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    -- Neither a promotion nor a rollback may come between.
    perform pgscore._lock_releases();
    target := pgscore._rollback_target(model);
    for version, bytes in
        select r.version, v.size
        from (
            select r.*, row_number() over (order by r.retired_at desc, r.version desc) as position
            from pgscore.retirement r
            where r.model = prune.model and r.pruned_at is null
        ) r
        join pgscore.model_version v on v.model = r.model and v.version = r.version
        where r.position > keep and r.retired_at <= now() - older_than and r.version is distinct from target
        order by r.version
    loop
        if not dry_run then
            update pgscore.retirement r set pruned_at = now(), pruned_by = session_user
            where r.model = prune.model and r.version = prune.version;
            begin
                perform pgscore._drop_scorer(model, version);
            exception when dependent_objects_still_exist then
                -- A view of somebody's names them. They are small; the artifact is not.
                null;
            end;
            delete from pgscore.artifact_chunk c where c.model = prune.model and c.version = prune.version;
        end if;
        return next;
    end loop;
end
$$;

comment on function pgscore.prune(text, interval, integer, boolean) is
    'Removes the artifacts of versions retired longer ago than that, but for the latest few; never that of the version to roll back to';
grant execute on function pgscore.prune(text, interval, integer, boolean) to pgscore_operator;

-- core/functions/confirm.sql
create function pgscore.confirm(model text, version integer, types text[] default null) returns text[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    named text[];
    stranger text;
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    select coalesce(array_agg(t.type order by t.type), '{}') into named
    from pgscore.model_version v, jsonb_array_elements_text(v.contract -> 'types') as t (type)
    where v.model = confirm.model and v.version = confirm.version;
    select min(t.type) into stranger from unnest(types) as t (type) where t.type <> all (named);
    if stranger is not null then
        raise exception 'model "%" version % does not ask for type "%"', model, version, stranger
            using errcode = 'invalid_parameter_value',
                  hint = format('It asks for %s.', coalesce(nullif(array_to_string(named, ', '), ''), 'none'));
    end if;
    insert into pgscore.confirmed_type (model, version, type)
    select confirm.model, confirm.version, t.type from unnest(coalesce(types, named)) as t (type)
    on conflict do nothing;
    return array(
        select t.type from unnest(named) as t (type)
        where not exists (
            select from pgscore.confirmed_type c
            where c.model = confirm.model and c.version = confirm.version and c.type = t.type
        )
        order by 1
    );
end
$$;

comment on function pgscore.confirm(text, integer, text[]) is
    'Confirms types that a skops artifact asks for (without a list: all of them) and returns those that are not confirmed yet';
grant execute on function pgscore.confirm(text, integer, text[]) to pgscore_operator;

-- core/binding/_caller.sql
create function pgscore._caller() returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- In a function that runs with its owner's rights current_user tells nothing of who called it.
    select coalesce(nullif(current_setting('role'), 'none'), session_user)::name
$$;

comment on function pgscore._caller() is 'The role that the session acts as, whatever rights the running function has';

-- core/binding/_column.sql
create function pgscore._column(relation regclass, name text) returns pg_catalog.pg_attribute
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select a.* from pg_catalog.pg_attribute a
    where a.attrelid = relation and a.attname = _column.name and a.attnum > 0 and not a.attisdropped
$$;

comment on function pgscore._column(regclass, text) is 'A column of a table; NULL where it has none of this name';

-- core/binding/_primary_key.sql
create function pgscore._primary_key(relation regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(a.attname order by k.ordinal)
    from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
    join pg_catalog.pg_attribute a on a.attnum = k.number
    where i.indrelid = relation and i.indisprimary and a.attrelid = relation and k.ordinal <= i.indnkeyatts
$$;

comment on function pgscore._primary_key(regclass) is 'The columns of a table''s primary key; NULL where it has none';

-- core/binding/_partitions.sql
create function pgscore._partitions(relation regclass) returns setof regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Statement triggers of a parent do not fire for rows that go into a partition directly, and those of both do not
    -- fire twice for one statement.
    select relation
    union
    select p.relid from pg_catalog.pg_partition_tree(relation) p
$$;

comment on function pgscore._partitions(regclass) is 'A table, and its partitions on all levels: each has its own triggers';

-- core/binding/_bindings_of.sql
create function pgscore._bindings_of(profile regclass) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.* from pgscore.binding b
    where b.profile = _bindings_of.profile and exists (select from pg_catalog.pg_class c where c.oid = b.events)
    order by b.number
$$;

comment on function pgscore._bindings_of(regclass) is 'The bindings of a profile table whose event tables exist';

-- core/binding/_targets_of.sql
create function pgscore._targets_of(profile regclass) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A model that several bindings name is asked once; the first of them stands for it.
    select distinct on (b.model) b.* from pgscore._bindings_of(profile) b order by b.model, b.number
$$;

comment on function pgscore._targets_of(regclass) is 'For each model that scores rows of a profile table, the binding that says where the score goes';

-- core/binding/_row_key.sql
create function pgscore._row_key(profile regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._primary_key(profile),
        (select b.profile_key from pgscore._bindings_of(profile) b order by b.number limit 1)
    )
$$;

comment on function pgscore._row_key(regclass) is
    'The columns that identify rows of a profile table, in whose order they are locked: its primary key, or the key of its first binding';

-- core/binding/_row_match.sql
create function pgscore._row_match(profile regclass, one text, other text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%1$s.%3$I = %2$s.%3$I', one, other, k.name), ' and ' order by k.ordinal)
    from unnest(pgscore._row_key(profile)) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._row_match(regclass, text, text) is 'SQL that says whether two rows are the same row of a profile table';

-- core/binding/_row_order.sql
create function pgscore._row_order(profile regclass, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The same order in all sessions, whatever the collation of each column.
    select string_agg(
        format('%s.%I%s', source, k.name, case when c.attcollation <> 0 then ' collate "C"' else '' end), ', '
        order by k.ordinal
    )
    from unnest(pgscore._row_key(profile)) with ordinality as k (name, ordinal), pgscore._column(profile, k.name) as c
$$;

comment on function pgscore._row_order(regclass, text) is 'SQL for the order in which rows of a profile table are locked';

-- core/binding/_key_type.sql
create function pgscore._key_type(type oid) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then 'bigint'
        when type in ('text'::regtype, 'varchar'::regtype) then 'text'
        when type = 'uuid'::regtype then 'uuid'
    end
$$;

comment on function pgscore._key_type(oid) is 'The type in which keys of a type are compared; NULL where it cannot be a key';

-- core/binding/_key_types.sql
create function pgscore._key_types(relation regclass, key name[]) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(pgscore._key_type(c.atttypid) order by k.ordinal)
    from unnest(key) with ordinality as k (name, ordinal), pgscore._column(relation, k.name) as c
$$;

comment on function pgscore._key_types(regclass, name[]) is 'The types in which the columns of a key are compared';

-- core/binding/_key_text.sql
create function pgscore._key_text(key name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when cardinality(key) = 1 then format('%s.%I::text', source, key[1])
        else (
            select 'array[' || string_agg(format('%s.%I::text', source, k), ', ' order by ordinal) || ']::text'
            from unnest(key) with ordinality as e (k, ordinal)
        )
    end
$$;

comment on function pgscore._key_text(name[], text) is
    'SQL for a key as text, which is how keys of all types are queued: of several columns, as the text of an array';

-- core/binding/_key_present.sql
create function pgscore._key_present(key name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%s.%I is not null', source, k), ' and ') from unnest(key) k
$$;

comment on function pgscore._key_present(name[], text) is 'SQL that says whether a row names a key at all';

-- core/binding/_key_part.sql
create function pgscore._key_part(key text, types text[], part integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when cardinality(types) = 1 then format('(%s)::%s', key, types[1])
        else format('((%s)::text[])[%s]::%s', key, part, types[part])
    end
$$;

comment on function pgscore._key_part(text, text[], integer) is 'SQL for one column of a key that stands as text in the SQL key';

-- core/binding/_key_match.sql
create function pgscore._key_match(relation regclass, columns name[], source text, key text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format('%s.%I = %s', source, k.name, pgscore._key_part(key, pgscore._key_types(relation, columns), k.ordinal::integer)),
        ' and ' order by k.ordinal
    )
    from unnest(columns) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._key_match(regclass, name[], text, text) is
    'SQL that finds rows by a key, which stands as text in the SQL key; an index of the columns serves it';

-- core/binding/_generated_name.sql
create function pgscore._generated_name(relation regclass, kind text, number integer, what text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('%I.%I', n.nspname, format('_pgscore_%s_%s_%s', kind, number, what))
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = relation
$$;

comment on function pgscore._generated_name(regclass, text, integer, text) is
    'The function that does something for a binding or for a bound profile table, in the schema of the table';

-- core/binding/_queue_name.sql
create function pgscore._queue_name(profile_number integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('pgscore.queue_%s', profile_number)
$$;

comment on function pgscore._queue_name(integer) is 'The queue of a bound profile table';

-- core/binding/_arrival_name.sql
create function pgscore._arrival_name(profile_number integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('pgscore.arrival_%s', profile_number)
$$;

comment on function pgscore._arrival_name(integer) is 'The table on which new profiles and events without a profile meet';

-- core/binding/_score_trigger_name.sql
create function pgscore._score_trigger_name(profile_number integer) returns name
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Triggers fire in the order of their names: this one comes last, and sees what the others made of the row.
    select format('~pgscore_%s_score', profile_number)::name
$$;

comment on function pgscore._score_trigger_name(integer) is 'The trigger that scores rows of a bound profile table before they are stored';

-- core/binding/_reducer_kind.sql
create function pgscore._reducer_kind(reducer jsonb, events regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when reducer ->> 'aggregate' = 'count' then 'add'
        when reducer ->> 'aggregate' = 'last' then 'look'
        when reducer ->> 'aggregate' in ('min', 'max') then 'grow'
        -- A sum of floats cannot be undone: (0.1 + 1e16) - 1e16 = 0.
        when (pgscore._column(events, reducer ->> 'of')).atttypid in ('real'::regtype, 'double precision'::regtype) then 'grow'
        else 'add'
    end
$$;

comment on function pgscore._reducer_kind(jsonb, regclass) is
    'add: events add to the value and can be taken away again; grow: new events move it, and otherwise it is recounted; look: it is always looked up in the events';

-- core/binding/_reducer_condition.sql
create function pgscore._reducer_condition(reducer jsonb, events regclass, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        case
            when w.value = 'null' then format('%s.%I is null', source, w.key)
            else format('%s.%I = %L::%s', source, w.key, w.value #>> '{}', format_type(a.atttypid, a.atttypmod))
        end,
        ' and ' order by w.key
    )
    from jsonb_each(reducer -> 'where') as w, pgscore._column(events, w.key) as a
$$;

comment on function pgscore._reducer_condition(jsonb, regclass, text) is
    'SQL for the equality filters of a reducer, on events that stand under the name in source; NULL where it has none';

-- core/binding/_reducers_of.sql
create function pgscore._reducers_of(b pgscore.binding) returns table (
    ordinal integer, reducer jsonb, target name, kind text, type text, summed text, typed text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select
        e.ordinal::integer, e.r, c.attname, k.kind, format_type(c.atttypid, c.atttypmod),
        case when k.kind = 'grow' then 'double precision' else 'numeric' end,
        -- What a value in text form becomes; with the column's collation, or it would have none to be compared by.
        format_type(c.atttypid, c.atttypmod) || coalesce(
            (
                select format(' collate %I.%I', n.nspname, l.collname)
                from pg_catalog.pg_collation l join pg_catalog.pg_namespace n on n.oid = l.collnamespace
                where l.oid = c.attcollation
            ), ''
        )
    from jsonb_array_elements(b.reducers) with ordinality as e (r, ordinal),
        pgscore._column(b.profile, e.r ->> 'column') as c,
        lateral (
            select case
                -- One statement may fire several triggers, as ON CONFLICT does. If one of them recounts and a later one adds
                -- at the end of the same statement, what the first has seen is added again.
                when b.timing = 'statement' and e.r ->> 'aggregate' = 'sum' and r.kind = 'grow' then 'look'
                else r.kind
            end as kind
            from pgscore._reducer_kind(e.r, b.events) as r (kind)
        ) k
$$;

comment on function pgscore._reducers_of(pgscore.binding) is
    'The reducers of a binding, with their columns and types; summed is the type in which a sum is taken';

-- core/binding/_reducer_value.sql
create function pgscore._reducer_value(reducer jsonb, events regclass, matches text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    chosen constant text := format('from %s e where %s%s', events, matches, coalesce(' and ' || pgscore._reducer_condition(reducer, events, 'e'), ''));
begin
    return case reducer ->> 'aggregate'
        when 'count' then format('(select count(*) %s)', chosen)
        when 'sum' then format('(select coalesce(sum(e.%I), 0) %s)', reducer ->> 'of', chosen)
        when 'last' then format(
            '(select e.%I %s order by e.%I desc nulls last%s limit 1)', reducer ->> 'of', chosen, reducer ->> 'order_by',
            (select string_agg(format(', e.%I desc', k), '' order by ordinal) from unnest(pgscore._primary_key(events)) with ordinality as p (k, ordinal))
        )
        else format(
            '(select e.%1$I %2$s and e.%1$I is not null order by e.%1$I %3$s limit 1)', reducer ->> 'of', chosen,
            case reducer ->> 'aggregate' when 'min' then 'asc' else 'desc' end
        )
    end;
end
$$;

comment on function pgscore._reducer_value(jsonb, regclass, text) is
    'SQL for what a reducer gives for all events, e, that match';

-- core/binding/_event_value.sql
create function pgscore._event_value(reducer jsonb, events regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when c.condition is null then v.value
        else format('case when %s then %s end', c.condition, v.value)
    end
    from (select pgscore._reducer_condition(reducer, events, 'e') as condition) c,
        (select case reducer ->> 'aggregate'
            when 'count' then '1'
            else format('e.%I', reducer ->> 'of')
        end as value) v
$$;

comment on function pgscore._event_value(jsonb, regclass) is 'SQL for what one event, e, brings to a reducer; NULL for nothing';

-- core/binding/_event_delta.sql
create function pgscore._event_delta(reducer jsonb, kind text, events regclass, sign text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when kind = 'look' then 'null'
        -- What goes away is recounted.
        when kind = 'grow' and sign <> '1' then 'null'
        when reducer ->> 'aggregate' = 'count' and sign = '1' then format('count(*)%s', f.filter)
        when reducer ->> 'aggregate' = 'count' then format('sum(%s)%s', sign, f.filter)
        when reducer ->> 'aggregate' = 'sum' and kind = 'grow' then format('sum(e.%I)%s', reducer ->> 'of', f.filter)
        when reducer ->> 'aggregate' = 'sum' then format('sum(%s * e.%I::numeric)%s', sign, reducer ->> 'of', f.filter)
        -- There are types without min() and max().
        else format(
            '(array_agg(e.%1$I order by e.%1$I %2$s) filter (where e.%1$I is not null%3$s))[1]', reducer ->> 'of',
            case reducer ->> 'aggregate' when 'min' then 'asc' else 'desc' end, coalesce(' and ' || f.condition, '')
        )
    end
    from (
        select c as condition, coalesce(' filter (where ' || c || ')', '') as filter
        from pgscore._reducer_condition(reducer, events, 'e') c
    ) f
$$;

comment on function pgscore._event_delta(jsonb, text, regclass, text) is
    'SQL for what events, e, of one key bring to a reducer; sign is SQL for 1 where they come and -1 where they go';

-- core/binding/_grown.sql
create function pgscore._grown(reducer jsonb, present text, delta text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case reducer ->> 'aggregate'
        when 'min' then format('least(%s, %s)', present, delta)
        when 'max' then format('greatest(%s, %s)', present, delta)
        else format('coalesce(%s, 0) + coalesce(%s, 0)', present, delta)
    end
$$;

comment on function pgscore._grown(jsonb, text, text) is 'SQL for the value of a reducer after new events, from the present value and what they bring';

-- core/binding/_folded_delta.sql
create function pgscore._folded_delta(reducer jsonb, ordinal integer, typed text, summed text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when reducer ->> 'aggregate' in ('min', 'max') then format(
            '(array_agg(u.delta[%1$s]::%2$s order by u.delta[%1$s]::%2$s %3$s) filter (where u.delta[%1$s] is not null))[1]',
            ordinal, typed, case reducer ->> 'aggregate' when 'max' then 'desc' else 'asc' end
        )
        else format('sum(u.delta[%s]::%s)', ordinal, summed)
    end
$$;

comment on function pgscore._folded_delta(jsonb, integer, text, text) is
    'SQL for what several deltas, u.delta, bring to a reducer together';

-- core/binding/_recounted.sql
create function pgscore._recounted() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Most sessions have never recounted, and are spared the time in text form.
    select 'coalesce(nullif(current_setting(''pgscore.recounted'', true), '''') = extract(epoch from statement_timestamp())::text, false)'
$$;

comment on function pgscore._recounted() is
    'SQL that says whether the apply function has recounted profiles in this statement of the client: events that were seen then may yet be handed over';

-- core/binding/_one_update.sql
create function pgscore._one_update(b pgscore.binding, key text[], brought text[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'update %s p set %s where %s and not (%s);', b.profile,
        string_agg(
            format('%I = %s', r.target, pgscore._grown(r.reducer, format('p.%I', r.target), brought[r.ordinal])), ', '
            order by r.ordinal
        ),
        (
            select string_agg(format('p.%I = %s', k.name, key[k.ordinal]), ' and ' order by k.ordinal)
            from unnest(b.profile_key) with ordinality as k (name, ordinal)
        ),
        pgscore._recounted()
    )
    from pgscore._reducers_of(b) r
    having not coalesce(bool_or(r.kind = 'look'), true)
$$;

comment on function pgscore._one_update(pgscore.binding, text[], text[]) is
    'The statement that moves the counters of one profile; the parts of its key, and what events bring to each reducer, are SQL. It finds none where the apply function has to do it. NULL where a reducer has to look at the events';

-- core/binding/_work_of.sql
create function pgscore._work_of(b pgscore.binding, task text, keys text, deltas text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('row(%s, %s, %s, %s)::pgscore.work', b.number, task, keys, deltas)
$$;

comment on function pgscore._work_of(pgscore.binding, text, text, text) is 'SQL for work of a binding, its parts given as SQL';

-- core/binding/_hand_over.sql
create function pgscore._hand_over(b pgscore.binding, task text, keys text, deltas text, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Kept for the commit, or done at once.
    select case b.timing
        when 'commit' then format(
            'insert into %s (binding, task, keys, deltas) select %s, %s, %s, %s %s;',
            pgscore._queue_name(b.profile_number), b.number, task, keys, deltas, source
        )
        else format(
            'perform %s(array[%s]) %s;', pgscore._generated_name(b.profile, 'profile', b.profile_number, 'apply'),
            pgscore._work_of(b, task, keys, deltas), source
        )
    end
$$;

comment on function pgscore._hand_over(pgscore.binding, text, text, text, text) is
    'The statement with which a trigger hands work over; the parts of the work are SQL, over the rows of source';

-- core/binding/_worth_queueing.sql
create function pgscore._worth_queueing(b pgscore.binding, deltas text[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Events that no filter takes are told only where a profile may be missing, or a value has to be looked up.
    select string_agg(format('%s is not null', d), ' or ')
    from unnest(deltas) d
    where b.on_missing = 'ignore'
    having not exists (
        select from pgscore._reducers_of(b) r
        where r.kind = 'look' or (r.reducer ->> 'aggregate' = 'count' and not r.reducer ? 'where')
    )
$$;

comment on function pgscore._worth_queueing(pgscore.binding, text[]) is
    'SQL that says whether inserted events, of which the deltas are known, change anything; NULL where they always do';

-- core/binding/_events_differ.sql
create function pgscore._events_differ(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The events of a key before and after, in what the reducers read of them.
    select format(
        'array_agg(%1$s order by %1$s) filter (where e.pgscore_sign = 1)'
        ' is distinct from array_agg(%1$s order by %1$s) filter (where e.pgscore_sign = -1)',
        'row(' || string_agg(format('e.%I', n.name), ', ' order by n.name) || ')::text collate "C"'
    )
    from (
        select f.value as name
        from jsonb_array_elements(b.reducers) r, jsonb_each_text(r) f where f.key in ('of', 'order_by')
        union
        select f from jsonb_array_elements(b.reducers) r, jsonb_object_keys(coalesce(r -> 'where', '{}')) f
        union
        select k::text from unnest(pgscore._primary_key(b.events)) k
    ) n
$$;

comment on function pgscore._events_differ(pgscore.binding) is
    'SQL that says whether an update changed, of the events of one key, anything that a reducer reads';

-- core/binding/_key_of_parts.sql
create function pgscore._key_of_parts(key name[]) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case cardinality(key)
        when 1 then 'here.k1::text'
        else format(
            'array[%s]::text', (select string_agg(format('here.k%s::text', n), ', ' order by n) from generate_subscripts(key, 1) n)
        )
    end
$$;

comment on function pgscore._key_of_parts(name[]) is 'SQL for a key as text, from the variables k1, k2, … of a generated function';

-- core/binding/_fold_at_once.sql
create function pgscore._fold_at_once(b pgscore.binding, brought text[], source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The owner of both tables needs no other function for it.
    select format(
        '<<here>>
        declare
            %s
        begin
            select %s into %s %s;
            if found then
                %s
                if not found then
                    perform %s(array[%s]);
                end if;
            end if;
        end;',
        (
            select string_agg(format('k%s %s; ', o, t), '' order by o)
            from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality u (t, o)
        ) || (select string_agg(format('v%s %s; ', r.ordinal, r.type), '' order by r.ordinal) from pgscore._reducers_of(b) r),
        (select string_agg(format('e.%I, ', k), '' order by o) from unnest(b.event_key) with ordinality u (k, o))
            || array_to_string(brought, ', '),
        (select string_agg(format('here.k%s, ', n), '' order by n) from generate_subscripts(b.event_key, 1) n)
            || (select string_agg(format('here.v%s', n), ', ' order by n) from generate_subscripts(brought, 1) n),
        source, s.statement, pgscore._generated_name(b.profile, 'profile', b.profile_number, 'apply'),
        pgscore._work_of(
            b, '''move''', format('array[%s]', pgscore._key_of_parts(b.event_key)),
            format(
                'array[array[%s]::text[]::text]',
                (select string_agg(format('here.v%s::text', n), ', ' order by n) from generate_subscripts(brought, 1) n)
            )
        )
    )
    from (
        select pgscore._one_update(
            b, array(select format('here.k%s', n) from generate_subscripts(b.profile_key, 1) n order by n),
            array(select format('here.v%s', n) from generate_subscripts(brought, 1) n order by n)
        ) as statement
    ) s
    where b.timing = 'statement' and b.events_owner = b.profile_owner and s.statement is not null
$$;

comment on function pgscore._fold_at_once(pgscore.binding, text[], text) is
    'What the trigger function for inserted events does with the event of a statement where it may change the profile itself; NULL where it may not';

-- core/binding/_fold_one.sql
create function pgscore._fold_one(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    brought constant text[] := array(
        select case r.kind when 'look' then 'null' else pgscore._event_value(r.reducer, b.events) end
        from pgscore._reducers_of(b) r order by r.ordinal
    );
    source constant text := format(
        'from pgscore_new e where %s%s', pgscore._key_present(b.event_key, 'e'), ' and (' || pgscore._worth_queueing(b, brought) || ')'
    );
begin
    -- One event is what most statements bring, and to group it costs more than the rest of the work.
    return format(
        'perform from pgscore_new offset 1; if not found then %s return null; end if; ',
        coalesce(
            pgscore._fold_at_once(b, brought, source),
            pgscore._hand_over(
                b, '''move''', format('array[%s]', pgscore._key_text(b.event_key, 'e')),
                format(
                    'array[array[%s]::text[]::text]',
                    (select string_agg(format('(%s)::text', v), ', ' order by o) from unnest(brought) with ordinality u (v, o))
                ),
                source
            )
        )
    );
end
$$;

comment on function pgscore._fold_one(pgscore.binding) is
    'What the trigger function for inserted events does first: it hands over the event of a statement that inserted only one';

-- core/binding/_fold_body.sql
create function pgscore._fold_body(b pgscore.binding, operation text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    sign constant text := case operation when 'insert' then '1' when 'delete' then '-1' else 'e.pgscore_sign' end;
    source constant text := case operation
        when 'insert' then 'pgscore_new e'
        when 'delete' then 'pgscore_old e'
        else '(select 1 as pgscore_sign, n.* from pgscore_new n union all select -1, o.* from pgscore_old o) e'
    end;
    deltas text[];
    adds_up boolean;
    sums boolean;
    chosen text;
    task text;
begin
    select
        array_agg(
            case when operation = 'delete' and r.reducer ? 'deletes' then 'null'
            else pgscore._event_delta(r.reducer, r.kind, b.events, sign) end
            order by r.ordinal
        ),
        coalesce(bool_and(r.kind = 'add'), true), coalesce(bool_or(r.reducer ->> 'aggregate' = 'sum'), false)
    into deltas, adds_up, sums
    from pgscore._reducers_of(b) r;
    -- Keys for which there is something to do.
    chosen := case
        when operation = 'insert' then pgscore._worth_queueing(b, deltas)
        when adds_up then coalesce(
            (select string_agg(format('coalesce(%s, 0) <> 0', d), ' or ') from unnest(deltas) d where d <> 'null'), 'false'
        )
        when operation = 'update' then pgscore._events_differ(b)
    end;
    task := case when operation = 'insert' or adds_up then '''move''' else '''undo''' end;
    if sums and operation <> 'insert' then
        -- NaN and infinity cannot be taken away again.
        task := format('case when bool_or(f.delta ~ ''NaN|Infinity'') then ''recount'' else %s end', task);
    end if;
    return format(
        'begin %s%s return null; end',
        case operation when 'insert' then pgscore._fold_one(b) end,
        pgscore._hand_over(
            b, task, 'array_agg(f.key)', 'array_agg(f.delta)',
            format(
                'from (select %s as key, array[%s]::text[]::text as delta from %s where %s group by %s%s) f having count(*) > 0',
                pgscore._key_text(b.event_key, 'e'),
                (select string_agg(format('(%s)::text', d), ', ' order by ordinal) from unnest(deltas) with ordinality u (d, ordinal)),
                source, pgscore._key_present(b.event_key, 'e'),
                (select string_agg(format('e.%I', k), ', ') from unnest(b.event_key) k),
                ' having ' || chosen
            )
        )
    );
end
$$;

comment on function pgscore._fold_body(pgscore.binding, text) is
    'The body of the trigger function that folds by key what a statement inserted, updated or deleted, and hands it over';

-- core/binding/_truncate_body.sql
create function pgscore._truncate_body(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'begin %s return null; end',
        case when exists (select from jsonb_array_elements(b.reducers) r where not r ? 'deletes')
            then pgscore._hand_over(b, '''recount all''', '''{}''::text[]', '''{}''::text[]', '')
        end
    )
$$;

comment on function pgscore._truncate_body(pgscore.binding) is 'The body of the trigger function for TRUNCATE, which tells no rows: all profiles are recounted';

-- core/binding/_function_statements.sql
create function pgscore._function_statements(
    owner regrole, signature text, returns text, posture text, body text, says text, callers regrole[] default '{}'
) returns table (role regrole, statement text)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- The body is a literal, never dollar-quoted: names stand in it, and could end the quote.
    select owner, s.statement
    from (
        values
            (1, format(
                'create or replace function %s%s language %s security definer set search_path = pg_catalog, pg_temp as %L',
                signature, coalesce(' returns ' || returns, ''), posture, body
            )),
            (2, format('comment on function %s is %L', signature, says)),
            (3, format('revoke all on function %s from public', signature))
    ) as s (step, statement)
    union all
    select owner, format('grant execute on function %s to %s', signature, c) from unnest(callers) as c where c <> owner
$$;

comment on function pgscore._function_statements(regrole, text, text, text, text, text, regrole[]) is
    'What the owner of a table runs to have a function that works with its rights, and that only callers may call';

-- core/binding/_trigger_statements.sql
create function pgscore._trigger_statements(
    name text, fires text, relation regclass, details text, function text, says text
) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A trigger that stands as it should is left alone: to replace it would lock the table.
    select s.statement
    from (values
        (1, format('create or replace trigger %I %s on %s %s execute function %s()', name, fires, relation, details, function)),
        (2, format('comment on trigger %I on %s is %L', name, relation, says))
    ) as s (step, statement)
    where not exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid = relation and t.tgname = name and t.tgfoid = to_regprocedure(function || '()') and t.tgenabled = 'O'
    )
    order by s.step
$$;

comment on function pgscore._trigger_statements(text, text, regclass, text, text, text) is
    'What the owner of a table runs to have a trigger with its comment; nothing, where it has it';

-- core/binding/_recount_statements.sql
create function pgscore._recount_statements(b pgscore.binding) returns table (role regrole, statement text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    matches constant text := pgscore._key_match(b.events, b.event_key, 'e', '$1');
    columns text;
    given text;
    named text;
begin
    select
        string_agg(format(', out v%s %s', r.ordinal, r.type), '' order by r.ordinal),
        string_agg(
            format(
                case r.kind when 'add' then ', case when $2 then %s end' else ', %s' end,
                pgscore._reducer_value(r.reducer, b.events, matches)
            ), '' order by r.ordinal
        ),
        string_agg(format(', v%s', r.ordinal), '' order by r.ordinal)
    into columns, given, named
    from pgscore._reducers_of(b) r;
    return query select * from pgscore._function_statements(
        b.events_owner,
        format(
            '%s(key text, everything boolean, out any_event boolean%s)',
            pgscore._generated_name(b.events, 'binding', b.number, 'recount'), columns
        ),
        null, 'plpgsql stable',
        format('begin select exists (select from %s e where %s)%s into any_event%s; end', b.events, matches, given, named),
        format('What the reducers give on the events of %s for a key; those that add up only if everything is asked for', b.events),
        array[b.profile_owner]
    );
end
$$;

comment on function pgscore._recount_statements(pgscore.binding) is
    'What the owner of an event table runs to have the function that finds a profile''s counters from its events';

-- core/binding/_event_statements.sql
create function pgscore._event_statements(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select f.role, f.statement
    from unnest(array['insert', 'update', 'delete', 'truncate']) as o (operation),
        pgscore._function_statements(
            b.events_owner, pgscore._generated_name(b.events, 'binding', b.number, o.operation) || '()', 'trigger', 'plpgsql volatile',
            case o.operation when 'truncate' then pgscore._truncate_body(b) else pgscore._fold_body(b, o.operation) end,
            format('Tells profiles of %s what a statement did to %s: %s', b.profile, b.events, o.operation)
        ) as f
    union all
    select r.role, r.statement from pgscore._recount_statements(b) r
$$;

comment on function pgscore._event_statements(pgscore.binding) is
    'What the owner of an event table runs to have the functions of a binding';

-- core/binding/_event_triggers.sql
create function pgscore._event_triggers(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.events_owner, s.statement
    from pgscore._partitions(b.events) as p (relation),
        (values
            ('insert', 'referencing new table as pgscore_new'),
            ('update', 'referencing new table as pgscore_new old table as pgscore_old'),
            ('delete', 'referencing old table as pgscore_old'),
            ('truncate', '')
        ) as o (operation, tables),
        lateral pgscore._trigger_statements(
            format('pgscore_%s_%s', b.number, o.operation), 'after ' || o.operation, p.relation,
            o.tables || ' for each statement', pgscore._generated_name(b.events, 'binding', b.number, o.operation),
            format('Moves counters of %s and scores of model %s', b.profile, b.model)
        ) as s (statement)
$$;

comment on function pgscore._event_triggers(pgscore.binding) is
    'What the owner of an event table runs to have the triggers of a binding, on the table and on its partitions';

-- core/binding/_tied.sql
create function pgscore._tied(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A plan that works on rows of a table and does not read it would not notice that its columns change. A constant of type
    -- regclass makes it depend on the table, and a function that is not immutable keeps the planner from folding it away.
    select format('pg_typeof(%L::regclass) is not null', profile)
$$;

comment on function pgscore._tied(regclass) is 'SQL that is true, and ties a plan to a table: a change of its columns reaches the plans of open sessions';

-- core/binding/_fill_generated.sql
create function pgscore._fill_generated(profile regclass, variable text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- They are computed after all BEFORE triggers.
    select format(
        'select %s into %s from (select (%s).*) as filled where %s;',
        string_agg(pg_get_expr(d.adbin, d.adrelid), ', ' order by a.attnum),
        string_agg(format('%s.%I', variable, a.attname), ', ' order by a.attnum), variable, pgscore._tied(profile)
    )
    from pg_catalog.pg_attribute a join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = profile and a.attgenerated <> '' and not a.attisdropped
    having count(*) > 0
$$;

comment on function pgscore._fill_generated(regclass, text) is
    'The statement that computes the generated columns of a row that is not stored yet; NULL where a table has none';

-- core/binding/_abort_hint.sql
create function pgscore._abort_hint() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select 'The binding''s on_error is abort; with keep the row would be stored and listed stale.'
$$;

comment on function pgscore._abort_hint() is 'The hint of the error with which a binding fails a transaction whose rows cannot be scored';

-- core/binding/_counters_moved.sql
create function pgscore._counters_moved(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('old.%1$I is distinct from new.%1$I', c.name), ' or ' order by c.name)
    from (
        select distinct r ->> 'column' as name from pgscore._bindings_of(profile) b, jsonb_array_elements(b.reducers) r
    ) c
$$;

comment on function pgscore._counters_moved(regclass) is 'SQL that says, in a trigger of a profile table, whether a column that a reducer moves has changed';

-- core/binding/_refused_one.sql
create function pgscore._refused_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'if (select b.on_error from pgscore.binding b where b.number = %1$s) = ''abort'' then
            raise exception ''model "%%" could not score 1 of 1 rows for %%: %%'', %2$L, %3$L, scored.reason
                using errcode = ''data_exception'', hint = %4$L;
        end if;
        insert into pgscore.stale_row as s (binding, key, reason) values (%1$s, %5$s, scored.reason)
        on conflict on constraint stale_row_pkey do update set reason = excluded.reason;',
        b.number, b.model, b.name, pgscore._abort_hint(), pgscore._key_text(b.profile_key, 'new')
    )
$$;

comment on function pgscore._refused_one(pgscore.binding) is 'What the trigger function of a profile table does with a row that could not be scored';

-- core/binding/_scored_one.sql
create function pgscore._scored_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        -- The list is empty but for bad days, and an empty table is told apart sooner than searched.
        'if pg_relation_size(''pgscore.stale_row'') > 0 then
            delete from pgscore.stale_row s where s.binding = %1$s and s.key = %2$s and s.cause = ''score'';
        end if; ', b.number, pgscore._key_text(b.profile_key, 'new')
    ) || case when b.log then format(
        'insert into pgscore.prediction_log (model, version, binding, key, score)
        select b.model, scored.answer[2], b.name, %2$s, scored.answer[1] from pgscore.binding b where b.number = %1$s and b.log;',
        b.number, pgscore._key_text(b.profile_key, 'new')
    ) else '' end
$$;

comment on function pgscore._scored_one(pgscore.binding) is 'What the trigger function of a profile table does when a row was scored: it keeps the list of stale rows and the log';

-- core/binding/_rekey_one.sql
create function pgscore._rekey_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'if %1$s then
            -- What is listed for the row is listed under its new key.
            with former as (delete from pgscore.stale_row s where s.binding = %4$s and s.key = %6$s returning s.*)
            insert into pgscore.stale_row (binding, key, cause, reason, since)
            select f.binding, %5$s, f.cause, f.reason, f.since from former f where %2$s
            on conflict do nothing;
            insert into %3$s (binding, task, keys, deltas) select %4$s, ''rekey'', array[%5$s], array[%6$s] where %2$s;
        end if;',
        (select string_agg(format('old.%1$I is distinct from new.%1$I', k), ' or ') from unnest(b.profile_key) k),
        pgscore._key_present(b.profile_key, 'new'), pgscore._queue_name(b.profile_number), b.number,
        pgscore._key_text(b.profile_key, 'new'), pgscore._key_text(b.profile_key, 'old')
    )
$$;

comment on function pgscore._rekey_one(pgscore.binding) is
    'What the trigger function of a profile table does where a row gets another key: it is recounted when it is stored, and at commit, when its events have followed';

-- core/binding/_score_one.sql
create function pgscore._score_one(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    filled constant text := pgscore._fill_generated(b.profile, 'scored.present');
    present constant text := case when filled is null then 'new' else 'scored.present' end;
begin
    return format(
        '<<scored>>
        declare
            present %1$s; answer double precision[]; alone pgscore.scored; reason text;
        begin
            -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
            -- transactions is no failure of the model.
            begin
                %2$s
                -- Where a counter has moved the model is asked, without the price of finding out what else has changed.
                if new.%4$I is null or %6$s then
                    scored.answer := case when %7$s then pgscore._rescore(%3$L, null::%1$s, %5$s, true) end;
                else
                    scored.answer := case when %7$s then pgscore._rescore(%3$L, old, %5$s, false) end;
                end if;
                if scored.answer is not null then
                    if scored.answer[1] is null then
                        -- Refused, or not known to this session yet.
                        scored.alone := pgscore._score_rows(%3$L, array[%5$s]);
                        scored.answer := array[(scored.alone).scores[1], (scored.alone).version];
                        scored.reason := (scored.alone).reasons[1];
                    end if;
                end if;
            exception
                when transaction_rollback then raise;
                when others then scored.reason := sqlerrm;
            end;
            if scored.reason is not null then
                %8$s
            elsif scored.answer is not null then
                new.%4$I := scored.answer[1]; %9$s
                %10$s
            end if;
        end;',
        b.profile, 'scored.present := new; ' || filled, b.model, b.score, present, pgscore._counters_moved(b.profile),
        pgscore._tied(b.profile), pgscore._refused_one(b),
        concat('new.' || quote_ident(b.version) || ' := scored.answer[2]; ', 'new.' || quote_ident(b.scored_at) || ' := now();'),
        pgscore._scored_one(b)
    );
end
$$;

comment on function pgscore._score_one(pgscore.binding) is 'What the trigger function of a profile table does to score a row by the model of a binding';

-- core/binding/_score_body.sql
create function pgscore._score_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '#variable_conflict use_column
        begin
            -- What pgscore wrote together with the score, and nothing that a trigger changes because of it.
            if pg_trigger_depth()::text = current_setting(''pgscore.scored'', true) then
                if exists (select from %s q where q.transaction = pg_current_xact_id() and q.task = ''scored'') then
                    return new;
                end if;
            end if;
            %s %s return new;
        end',
        pgscore._queue_name(p.number),
        (select string_agg(pgscore._rekey_one(b), ' ' order by b.number) from pgscore._bindings_of(p.profile) b),
        (select string_agg(pgscore._score_one(t), ' ' order by t.number) from pgscore._targets_of(p.profile) t)
    )
    from pgscore.bound_profile p where p.profile = _score_body.profile
$$;

comment on function pgscore._score_body(regclass) is
    'The body of the trigger function that scores a row of a profile table before it is stored, if what a model reads has changed';

-- core/binding/_arrive_body.sql
create function pgscore._arrive_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select 'begin ' || string_agg(
        pgscore._hand_over(
            b, '''arrive''', format('array_agg(%s)', pgscore._key_text(b.profile_key, 'n')),
            '''{}''::text[]',
            format('from pgscore_new n where %s having count(*) > 0', pgscore._key_present(b.profile_key, 'n'))
        ), ' ' order by b.number
    ) || ' return null; end'
    from pgscore._bindings_of(profile) b
$$;

comment on function pgscore._arrive_body(regclass) is 'The body of the trigger function that has new profiles counted: their events may have come before them';

-- core/binding/_forget_body.sql
create function pgscore._forget_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select 'begin ' || string_agg(
        format(
            'if tg_op = ''TRUNCATE'' then
                delete from pgscore.stale_row s where s.binding = %1$s and not exists (select from %3$s p where %4$s);
            else
                delete from pgscore.stale_row s using pgscore_old o where s.binding = %1$s and s.key = %2$s;
            end if;',
            b.number, pgscore._key_text(b.profile_key, 'o'), b.profile, pgscore._key_match(b.profile, b.profile_key, 'p', 's.key')
        ), ' ' order by b.number
    ) || ' return null; end'
    from pgscore._bindings_of(profile) b
$$;

comment on function pgscore._forget_body(regclass) is 'The body of the trigger function that takes deleted profiles from the list of stale rows';

-- core/binding/_take_queue.sql
create function pgscore._take_queue(profile_number integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'for here.taken in
            delete from %s q where q.transaction = pg_current_xact_id() returning q.binding, q.task, q.keys, q.deltas
        loop
            if here.taken.task <> ''scored'' then
                here.work := here.work || here.taken;
            end if;
        end loop;',
        pgscore._queue_name(profile_number)
    )
$$;

comment on function pgscore._take_queue(integer) is 'What a generated function does to take what the transaction queued: each row is added to its variable work';

-- core/binding/_merge_one.sql
create function pgscore._merge_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'elsif here.taken.binding = %1$s and here.first.binding = %1$s and here.taken.task = ''move'' and here.first.task = ''move''
            and cardinality(here.taken.keys) = 1 and here.taken.keys = here.first.keys
        then
            here.first.deltas := array[array[%2$s]::text[]::text];',
        b.number,
        string_agg(
            format(
                -- NULL stands for nothing that came.
                '(coalesce((here.first.deltas[1]::text[])[%1$s]::numeric + (here.taken.deltas[1]::text[])[%1$s]::numeric, (here.first.deltas[1]::text[])[%1$s]::numeric, (here.taken.deltas[1]::text[])[%1$s]::numeric))::text',
                r.ordinal
            ), ', ' order by r.ordinal
        )
    )
    from pgscore._reducers_of(b) r
    having bool_and(r.kind = 'add')
$$;

comment on function pgscore._merge_one(pgscore.binding) is
    'What the drain function does where several statements had events of one profile: their deltas are added; NULL where not all reducers add';

-- core/binding/_drain_one.sql
create function pgscore._drain_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'if here.first.binding = %s then %s %s if found then return; end if; end if;', b.number,
        -- What several statements did may come to nothing.
        case when b.on_missing = 'ignore' and pgscore._merge_one(b) is not null then format(
            'if here.rows > 1 and %s then return; end if;',
            (
                select string_agg(format('coalesce(here.delta[%s]::numeric, 0) = 0', r.ordinal), ' and ' order by r.ordinal)
                from pgscore._reducers_of(b) r
            )
        ) end,
        u.statement
    )
    from (
        select pgscore._one_update(
            b,
            array(
                select pgscore._key_part('here.first.keys[1]', pgscore._key_types(b.profile, b.profile_key), n::integer)
                from generate_subscripts(b.profile_key, 1) n order by n
            ),
            array(select format('here.delta[%s]::%s', r.ordinal, r.typed) from pgscore._reducers_of(b) r order by r.ordinal)
        ) as statement
    ) u
    where u.statement is not null
$$;

comment on function pgscore._drain_one(pgscore.binding) is
    'What the drain function does where the work is one profile and new events; NULL where a reducer has to look at them';

-- core/binding/_drain_body.sql
create function pgscore._drain_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '<<here>>
        declare
            taken record; first record; rows integer := 0; work pgscore.work[]; delta text[];
        begin
            for here.taken in
                delete from %1$s q where q.transaction = pg_current_xact_id() returning q.binding, q.task, q.keys, q.deltas
            loop
                here.rows := here.rows + 1;
                if here.rows = 1 then
                    here.first := here.taken;
                %2$s else
                    here.work := here.work || row(here.taken.binding, here.taken.task, here.taken.keys, here.taken.deltas)::pgscore.work;
                end if;
            end loop;
            if here.rows = 0 then
                return;
            end if;
            -- Events of one profile are what most transactions bring; queries over arrays cost more than the update.
            if here.work is null and here.first.task = ''move'' and cardinality(here.first.keys) = 1 then
                here.delta := here.first.deltas[1];
                %3$s
            end if;
            perform %4$s(row(here.first.binding, here.first.task, here.first.keys, here.first.deltas)::pgscore.work || here.work);
        end',
        pgscore._queue_name(p.number),
        (select string_agg(pgscore._merge_one(b), ' ' order by b.number) from pgscore._bindings_of(p.profile) b),
        (select string_agg(pgscore._drain_one(b), ' ' order by b.number) from pgscore._bindings_of(p.profile) b),
        pgscore._generated_name(p.profile, 'profile', p.number, 'apply')
    )
    from pgscore.bound_profile p where p.profile = _drain_body.profile
$$;

comment on function pgscore._drain_body(regclass) is
    'The body of the function that does at commit what the transaction queued for a profile table';

-- core/binding/_follow_keys_body.sql
create function pgscore._follow_keys_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A counter that ignores deletes cannot be recounted. Its row carries it to the new key, and what events did under the
    -- former key, a cascade's too, is done to the same row.
    select 'if exists (select from unnest(here.work) w where w.task = ''rekey'') then
        here.work := array(
            select row(
                w.binding, w.task,
                case when w.task in (''rekey'', ''arrive'') then w.keys
                else array(
                    select coalesce(
                        (
                            select k.present
                            from unnest(here.work) r, unnest(r.keys, r.deltas) as k (present, former)
                            where r.binding = w.binding and r.task = ''rekey'' and k.former = u.key limit 1
                        ), u.key
                    )
                    from unnest(w.keys) with ordinality as u (key, ordinal) order by u.ordinal
                ) end,
                w.deltas
            )::pgscore.work
            from unnest(here.work) w
        );
    end if;'
    where exists (
        select from pgscore._bindings_of(profile) b, jsonb_array_elements(b.reducers) r where r ? 'deletes'
    )
$$;

comment on function pgscore._follow_keys_body(regclass) is
    'What the apply function does where profiles got other keys; NULL where all counters can be recounted';

-- core/binding/_missing_body.sql
create function pgscore._missing_body(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Events that went away again leave nobody missing.
    missing constant text := format(
        'select distinct u.key from unnest(here.work) w, unnest(w.keys) as u (key)
        where w.binding = %s and w.task in (''move'', ''undo'', ''recount'')
            and not exists (select from %s p where %s) and (select r.any_event from %s(u.key, false) r)',
        b.number, b.profile, pgscore._key_match(b.profile, b.profile_key, 'p', 'u.key'),
        pgscore._generated_name(b.events, 'binding', b.number, 'recount')
    );
begin
    return case b.on_missing
        when 'error' then format(
            'select min(m.key) into here.missing from (%s) m;
            if here.missing is not null then
                raise exception ''table %% has no row whose %% is %%, which events of %% name'', %L, %L, here.missing, %L
                    using errcode = ''foreign_key_violation'', hint = ''The binding''''s on_missing is error.'';
            end if;',
            missing, b.profile::text, array_to_string(b.profile_key, ', '), b.events::text
        )
        -- Who inserts first decides: the other one waits for the key. A new row is counted on its arrival.
        when 'insert' then format(
            'with missing as (%1$s), made as (
                insert into %2$s as p (%3$s) select %4$s from missing m order by m.key collate "C" on conflict do nothing
                returning %5$s as key
            )
            select array_agg(m.key) into here.made from made m;
            if here.made is not null then
                %6$s %7$s
            end if;',
            missing, b.profile,
            (select string_agg(quote_ident(k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            (
                select string_agg(
                    pgscore._key_part('m.key', pgscore._key_types(b.profile, b.profile_key), o::integer), ', ' order by o
                )
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            pgscore._key_text(b.profile_key, 'p'),
            -- At commit its arrival stands in the queue; at a statement's end, and where constraints are immediate, it has been
            -- counted already.
            case b.timing when 'commit' then pgscore._take_queue(b.profile_number) end,
            (
                select string_agg(format('here.counted_%1$s := here.counted_%1$s || here.made;', o.number), ' ')
                from pgscore._bindings_of(b.profile) o where o.profile_key = b.profile_key
            )
        )
    end;
end
$$;

comment on function pgscore._missing_body(pgscore.binding) is
    'What the apply function does, before it locks rows, about events whose profile is missing; NULL for nothing';

-- core/binding/_meet_body.sql
create function pgscore._meet_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A profile may come in a transaction that runs at the same time as one with its event: each would miss what the other
    -- brings. Both change the slot of the key: the later one waits here and then sees the other, or, with an older
    -- snapshot, fails with 40001. A TRUNCATE has to meet all new profiles.
    select format(
        'here.slots := array(
            select s.slot from (%1$s) s union
            select generate_series(0, 63) where exists (select from unnest(here.work) w where w.task = ''recount all'')
        );
        if cardinality(here.slots) > 0 then
            perform from %2$s a where a.slot = any (here.slots) order by a.slot for update;
            update %2$s a set transaction = pg_current_xact_id()
            where a.slot = any (here.slots) and a.transaction is distinct from pg_current_xact_id();
        end if;',
        (
            select string_agg(
                format(
                    'select hashtext(u.key) & 63 as slot from unnest(here.work) w, unnest(w.keys) as u (key)
                    where w.binding = %s and (w.task in (''arrive'', ''rekey'') or not exists (select from %s p where %s))',
                    b.number, b.profile, pgscore._key_match(b.profile, b.profile_key, 'p', 'u.key')
                ), ' union ' order by b.number
            )
            from pgscore._bindings_of(p.profile) b
        ),
        pgscore._arrival_name(p.number)
    )
    from pgscore.bound_profile p where p.profile = _meet_body.profile
$$;

comment on function pgscore._meet_body(regclass) is
    'What the apply function does so that new profiles, and events without a profile, see each other';

-- core/binding/_recount_again_body.sql
create function pgscore._recount_again_body() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- One statement may fire several triggers, as ON CONFLICT, MERGE and writable CTEs do. Where constraints are immediate,
    -- or work is done at the end of each statement, what one of them has recounted a later one would add again.
    select format(
        'if %s then
            here.work := array(
                select row(
                    w.binding, case when w.task in (''move'', ''undo'') then ''recount'' else w.task end, w.keys, w.deltas
                )::pgscore.work
                from unnest(here.work) w
            );
        elsif exists (select from unnest(here.work) w where w.task <> ''move'') then
            perform set_config(''pgscore.recounted'', extract(epoch from statement_timestamp())::text, true);
        end if;',
        pgscore._recounted()
    )
$$;

comment on function pgscore._recount_again_body() is
    'What the apply function does so that events which a recount has seen are not added afterwards';

-- core/binding/_settle_body.sql
create function pgscore._settle_body(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- One statement may fire several triggers, as ON CONFLICT and writable CTEs do, and what one of them recounts at the end
    -- of the statement a later one may add. At commit all of them are over.
    select format(
        'insert into %s (binding, task, keys, deltas)
        select %s, ''settle'', array_agg(distinct u.key), ''{}''
        from unnest(here.work) w, unnest(w.keys) as u (key)
        where w.binding = %s and w.task in (''recount'', ''arrive'')
        having count(*) > 0;',
        pgscore._queue_name(b.profile_number), b.number, b.number
    )
    where b.timing = 'statement'
$$;

comment on function pgscore._settle_body(pgscore.binding) is
    'What the apply function does to have profiles that were recounted at the end of a statement recounted at commit; NULL where work is done at commit';

-- core/binding/_lock_body.sql
create function pgscore._lock_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- All or some: a plan for both would read the whole table each time.
    select format(
        'if exists (select from unnest(here.work) w where w.task = ''recount all'') then
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from %1$s pgscore_row order by %2$s for no key update) l;
        else
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from %1$s pgscore_row where %3$s order by %2$s for no key update) l;
        end if;',
        profile, pgscore._row_order(profile, 'pgscore_row'),
        (
            select string_agg(
                format(
                    '(%s) %s(select %s from unnest(here.work) w, unnest(w.keys) as u (key) where w.binding = any (%L))%s',
                    (select string_agg(format('pgscore_row.%I', c), ', ' order by o) from unnest(k.profile_key) with ordinality u (c, o)),
                    case cardinality(k.profile_key) when 1 then '= any (array' else 'in ' end,
                    (
                        select string_agg(
                            pgscore._key_part('u.key', pgscore._key_types(profile, k.profile_key), o::integer), ', ' order by o
                        )
                        from unnest(k.profile_key) with ordinality u (c, o)
                    ),
                    k.numbers, case cardinality(k.profile_key) when 1 then ')' else '' end
                ), ' or '
            )
            from (
                select b.profile_key, array_agg(b.number) as numbers from pgscore._bindings_of(profile) b group by 1
            ) k
        )
    )
$$;

comment on function pgscore._lock_body(regclass) is
    'What the apply function does to lock the touched rows of a profile table, in the one order, and to read them';

-- core/binding/_work_join.sql
create function pgscore._work_join(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    looks boolean;
    grows boolean;
    sums text;
begin
    select
        coalesce(bool_or(r.kind = 'look'), false), coalesce(bool_or(r.kind <> 'add'), false),
        string_agg(
            format(
                ', %s as d%s', pgscore._folded_delta(r.reducer, r.ordinal, r.typed, r.summed), r.ordinal
            ), '' order by r.ordinal
        ) filter (where r.kind <> 'look')
    into looks, grows, sums
    from pgscore._reducers_of(b) r;
    return format(
        ' left join (
            select u.key, bool_or(u.task = ''arrive'') as arrived, bool_or(u.task = ''undo'') as undone,
                bool_or(u.task in (''recount'', ''arrive'', ''rekey'', ''settle'')) as absolute%1$s
            from (
                select w.task, k.key, case when w.task in (''move'', ''undo'', ''recount'') then k.delta::text[] end as delta
                from unnest(here.work) w, unnest(w.keys, w.deltas) as k (key, delta)
                where w.binding = %2$s
            ) u %3$s
            group by u.key
        ) w%2$s on w%2$s.key = %4$s
        left join lateral (
            select r.* from %5$s(%4$s, here.every_%2$s or w%2$s.absolute) r where here.every_%2$s or %6$s offset 0
        ) r%2$s on true',
        sums, b.number,
        -- A profile that was made here has counted its events on arrival.
        case when exists (select from pgscore._bindings_of(b.profile) o where o.on_missing = 'insert') then format(
            'where u.task not in (''move'', ''undo'', ''recount'') or u.key <> all (coalesce(here.counted_%s, ''{}''))', b.number
        ) end,
        pgscore._key_text(b.profile_key, 'pgscore_row'), pgscore._generated_name(b.events, 'binding', b.number, 'recount'),
        format(
            case when looks then 'w%1$s.key is not null' when grows then 'w%1$s.absolute or w%1$s.undone' else 'w%1$s.absolute' end,
            b.number
        )
    );
end
$$;

comment on function pgscore._work_join(pgscore.binding) is
    'SQL that joins to rows of a profile table, p, what a binding has to do with each, w, and what its events say, r';

-- core/binding/_moved_value.sql
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

-- core/binding/_move_body.sql
create function pgscore._move_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Not row(…)::profile, which an added column would break.
    select format(
        '%1$s
        here.serving := exists (select from pgscore.model m where m.name = any (%9$L) and m.serving is not null);
        for here.item in
            select pgscore_row as profile, %2$s as forced, %7$s as unscored%3$s from unnest(here.locked) as pgscore_row%4$s where %8$s
        loop
            here.one := here.item.profile; %5$s %6$s
            here.touched := here.item.forced or here.one operator(pg_catalog.*<>) here.item.profile;
            if here.touched or here.item.unscored then
                here.moved := here.moved || here.one;
                here.changed := here.changed || here.touched;
            end if;
        end loop;',
        string_agg(
            format(
                'here.every_%1$s := exists (select from unnest(here.work) w where w.binding = %1$s and w.task = ''recount all'');',
                b.number
            ), ' ' order by b.number
        ),
        -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
        coalesce(
            string_agg(
                format('coalesce((w%1$s.key is not null or here.every_%1$s) and r%1$s.any_event is not false, false)', b.number),
                ' or ' order by b.number
            ) filter (where c.recounts), 'false'
        ),
        string_agg(c.columns, '' order by b.number), string_agg(pgscore._work_join(b), '' order by b.number),
        string_agg(c.assignments, '' order by b.number), pgscore._fill_generated(_move_body.profile, 'here.one'),
        -- Rows that no model has scored yet are scored where they are new, or all is counted.
        format(
            'here.serving and (%s) and (%s)',
            string_agg(format('here.every_%1$s or coalesce(w%1$s.absolute, false)', b.number), ' or ' order by b.number),
            (select string_agg(format('pgscore_row.%I is null', t.score), ' or ') from pgscore._targets_of(_move_body.profile) t)
        ),
        pgscore._tied(_move_body.profile), array(select t.model from pgscore._targets_of(_move_body.profile) t)
    )
    from pgscore._bindings_of(profile) b,
        lateral (
            select
                bool_or(r.kind <> 'add') as recounts,
                string_agg(
                    format(', %s as c%s_%s', pgscore._moved_value(b, r.reducer, r.kind, r.ordinal), b.number, r.ordinal), ''
                    order by r.ordinal
                ) as columns,
                string_agg(
                    format('here.one.%I := here.item.c%s_%s; ', r.target, b.number, r.ordinal), '' order by r.ordinal
                ) as assignments
            from pgscore._reducers_of(b) r
        ) c
$$;

comment on function pgscore._move_body(regclass) is
    'What the apply function does to find the rows as they will stand, from the locked rows, the work, and what the events say';

-- core/binding/_record_many.sql
create function pgscore._record_many(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'if num_nonnulls(variadic here.reasons_%1$s) > 0 then
            %2$s
        end if;
        delete from pgscore.stale_row s
        using unnest(here.names_%1$s, here.reasons_%1$s, here.versions_%1$s) as a (key, reason, version)
        where s.binding = %1$s and s.cause = ''score'' and s.key = a.key and a.reason is null and a.version is not null;
        %3$s',
        b.number,
        format(
            'if (select b.on_error from pgscore.binding b where b.number = %1$s) = ''abort'' then
                raise exception ''model "%%" could not score %% of %% rows for %%: %%'', %2$L,
                    num_nonnulls(variadic here.reasons_%1$s), cardinality(here.moved), %3$L,
                    (select min(r) from unnest(here.reasons_%1$s) r)
                    using errcode = ''data_exception'', hint = %4$L;
            end if;
            insert into pgscore.stale_row as s (binding, key, reason)
            select %1$s, a.key, a.reason from unnest(here.names_%1$s, here.reasons_%1$s) as a (key, reason)
            where a.reason is not null
            on conflict on constraint stale_row_pkey do update set reason = excluded.reason;',
            b.number, b.model, b.name, pgscore._abort_hint()
        ),
        case when b.log then format(
            'insert into pgscore.prediction_log (model, version, binding, key, score)
            select b.model, a.version, b.name, a.key, a.score
            from pgscore.binding b,
                unnest(here.names_%1$s, here.scores_%1$s, here.versions_%1$s, here.reasons_%1$s) as a (key, score, version, reason)
            where b.number = %1$s and b.log and a.reason is null and a.version is not null;', b.number
        ) end
    )
$$;

comment on function pgscore._record_many(pgscore.binding) is
    'What the apply function does to keep the prediction log and the list of stale rows for many rows';

-- core/binding/_score_many.sql
create function pgscore._score_many(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'here.began := clock_timestamp();
        for start in 1 .. cardinality(here.moved) by 1000 loop
            here.size := least(1000, cardinality(here.moved) - start + 1);
            here.answer := null;
            here.failure := null;
            if %2$s then
                here.failure := %3$L;
            else
                begin
                    here.answer := pgscore._score_rows(%4$L, here.moved[start : start + here.size - 1]);
                exception
                    when transaction_rollback then raise;
                    when others then here.failure := sqlerrm;
                end;
            end if;
            here.scores_%1$s := here.scores_%1$s || coalesce((here.answer).scores, array_fill(null::double precision, array[here.size]));
            here.versions_%1$s := here.versions_%1$s || array_fill((here.answer).version, array[here.size]);
            here.reasons_%1$s := here.reasons_%1$s || coalesce((here.answer).reasons, array_fill(here.failure, array[here.size]));
        end loop;
        here.names_%1$s := array(select %5$s from unnest(here.moved) m where %7$s);
        %6$s ',
        b.number,
        coalesce('start > 1 and clock_timestamp() >= here.began + interval ''' || b.max_scoring_ms || ' milliseconds''', 'false'),
        format('scoring took longer than the binding''s max_scoring_ms, %s', b.max_scoring_ms),
        b.model, pgscore._key_text(b.profile_key, 'm'), pgscore._record_many(b),
        pgscore._tied(b.profile)
    )
$$;

comment on function pgscore._score_many(pgscore.binding) is
    'What the apply function does to have many rows scored by the model of a binding, a thousand at a time';

-- core/binding/_update_body.sql
create function pgscore._update_body(profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    number constant integer := (select p.number from pgscore.bound_profile p where p.profile = _update_body.profile);
    counters constant text := (
        select string_agg(format('%1$I = (m.row).%1$I', c.name), ', ' order by c.name)
        from (
            select distinct r ->> 'column' as name from pgscore._bindings_of(profile) b, jsonb_array_elements(b.reducers) r
        ) c
    );
    -- A trigger that fires before the row is stored may change what the model reads.
    others constant text := format(
        'exists (
            select from pg_catalog.pg_trigger t
            where t.tgrelid = any (%L::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> ''D'' and t.tgname <> %L
        )',
        array(select pgscore._partitions(profile)), pgscore._score_trigger_name(number)
    );
    arrays text;
    scores text;
    scoring text;
begin
    select
        string_agg(
            format(', %1$I = case when m.version_%2$s is null or m.reason_%2$s is not null then p.%1$I else %3$s end', f.name, t.number, f.source),
            '' order by t.number, f.name
        ) filter (where f.name is not null),
        string_agg(pgscore._score_many(t), '' order by t.number) filter (where f.first)
    into scores, scoring
    from pgscore._targets_of(profile) t, lateral (values
        (true, t.score, 'm.score_' || t.number), (false, t.version, 'm.version_' || t.number), (false, t.scored_at, 'now()')
    ) as f (first, name, source);
    arrays := (
        select string_agg(format(', unnest(here.scores_%1$s) as score_%1$s, unnest(here.versions_%1$s) as version_%1$s, unnest(here.reasons_%1$s) as reason_%1$s', t.number), '' order by t.number)
        from pgscore._targets_of(profile) t
    );
    return format(
        'if cardinality(here.moved) = 1 or %1$s then
            -- The trigger that scores changed rows has the engine for one row, and sees what other triggers make of it.
            update %2$s p set %3$s from (select unnest(here.moved) as row) m where %4$s;
        else
            %5$s
            insert into %6$s (binding, task, keys, deltas) values (0, ''scored'', ''{}'', ''{}'');
            perform set_config(''pgscore.scored'', (pg_trigger_depth() + 1)::text, true);
            update %2$s p set %3$s%7$s from (select unnest(here.moved) as row, unnest(here.changed) as changed%8$s) m
            where %4$s and (m.changed or %9$s);
            perform set_config(''pgscore.scored'', '''', true);
            delete from %6$s q where q.transaction = pg_current_xact_id() and q.task = ''scored'';
        end if;',
        others, profile, counters, pgscore._row_match(profile, 'p', '(m.row)'), scoring, pgscore._queue_name(number), scores, arrays,
        (
            select string_agg(format('(m.version_%1$s is not null and m.reason_%1$s is null)', t.number), ' or ')
            from pgscore._targets_of(profile) t
        )
    );
end
$$;

comment on function pgscore._update_body(regclass) is
    'What the apply function does to change the rows: one UPDATE, with the scores in it where there are many';

-- core/binding/_lost_condition.sql
create function pgscore._lost_condition(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format(
            'exists (
                select from unnest(here.work) w, unnest(w.keys) as u (key)
                where w.binding = %1$s and hashtext(u.key) & 63 <> all (here.slots) and %3$s
                    and not exists (select from unnest(here.locked) as p where %2$s = u.key)
            )',
            b.number, pgscore._key_text(b.profile_key, 'p'), pgscore._tied(_lost_condition.profile)
        ), ' or ' order by b.number
    )
    from pgscore._bindings_of(profile) b
$$;

comment on function pgscore._lost_condition(regclass) is
    'SQL that says whether a profile that was there was deleted, or got another key, while the apply function waited for its lock';

-- core/binding/_apply_body.sql
create function pgscore._apply_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '#variable_conflict use_column
        <<here>>
        declare
            work pgscore.work[] := $1; taken pgscore.work; slots integer[]; made text[]; missing text;
            locked %1$s[]; moved %1$s[]; item record; one %1$s; touched boolean; changed boolean[]; serving boolean;
            began timestamptz; size integer; answer pgscore.scored; failure text; %2$s
        begin
            %9$s %3$s %4$s
            -- Who deleted a profile that was locked may have made it anew: then it is another row, which no snapshot of here
            -- has seen, or one that is yet to come.
            loop
                %10$s %5$s %6$s
                exit when not (%11$s);
            end loop;
            %7$s
            if here.moved is null then
                return;
            end if;
            %8$s
        end',
        profile, v.variables, pgscore._follow_keys_body(profile), v.first_steps,
        pgscore._meet_body(profile), pgscore._lock_body(profile), pgscore._move_body(profile), pgscore._update_body(profile),
        pgscore._recount_again_body(), v.missing, pgscore._lost_condition(profile)
    )
    from (
        select
            string_agg(
                format(
                    'every_%1$s boolean; counted_%1$s text[]; names_%1$s text[]; scores_%1$s double precision[];'
                    ' versions_%1$s integer[]; reasons_%1$s text[]; ', b.number
                ), '' order by b.number
            ) as variables,
            string_agg(pgscore._settle_body(b), ' ' order by b.number) as first_steps,
            string_agg(pgscore._missing_body(b), ' ' order by b.number) as missing
        from pgscore._bindings_of(profile) b
    ) v
$$;

comment on function pgscore._apply_body(regclass) is
    'The body of the function that moves counters of profiles and stores their scores, for all bindings of a table';

-- core/binding/_profile_statements.sql
create function pgscore._profile_statements(profile regclass) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.role, s.statement
    from pgscore.bound_profile p,
        (values
            (1, 'apply', '(work pgscore.work[])', 'void', pgscore._apply_body(profile), 'Moves counters of %s and stores scores, in one UPDATE'),
            (2, 'drain', '()', 'void', pgscore._drain_body(profile), 'Does what a transaction queued for %s'),
            (3, 'score', '()', 'trigger', pgscore._score_body(profile), 'Scores rows of %s in which what a model reads has changed'),
            (4, 'arrive', '()', 'trigger', pgscore._arrive_body(profile), 'Has new rows of %s counted'),
            (5, 'forget', '()', 'trigger', pgscore._forget_body(profile), 'Takes deleted rows of %s from the list of stale rows')
        ) as f (step, what, arguments, returns, body, says),
        lateral pgscore._function_statements(
            p.owner, pgscore._generated_name(profile, 'profile', p.number, f.what) || f.arguments, f.returns, 'plpgsql volatile',
            f.body, format(f.says, profile),
            case f.what
                -- Who is told to do it and is not told what.
                when 'drain' then array['pgscore_applier'::regrole]
                when 'apply' then array(select distinct b.events_owner from pgscore._bindings_of(profile) b)
                else '{}'
            end
        ) with ordinality as s (role, statement, ordinal)
    where p.profile = _profile_statements.profile
    order by f.step, s.ordinal
$$;

comment on function pgscore._profile_statements(regclass) is
    'What the owner of a profile table runs to have the functions that its bindings need';

-- core/binding/_profile_triggers.sql
create function pgscore._profile_triggers(profile regclass) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.owner, s.statement
    from pgscore.bound_profile p,
        -- A parent hands a trigger for each row on to its partitions; statement triggers each table has for itself.
        lateral (
            select
                _profile_triggers.profile as relation, pgscore._score_trigger_name(p.number)::text as name, 'score' as function,
                'before update' as fires, 'for each row' as details
            union all
            select r.relation, format('pgscore_%s_%s', p.number, t.name), t.function, t.fires, t.details
            from pgscore._partitions(_profile_triggers.profile) as r (relation),
                (values
                    ('arrive', 'arrive', 'after insert', 'referencing new table as pgscore_new for each statement'),
                    ('forget', 'forget', 'after delete', 'referencing old table as pgscore_old for each statement'),
                    ('forget_all', 'forget', 'after truncate', 'for each statement')
                ) as t (name, function, fires, details)
        ) t,
        lateral pgscore._trigger_statements(
            t.name, t.fires, t.relation, t.details, pgscore._generated_name(_profile_triggers.profile, 'profile', p.number, t.function),
            'Keeps counters and scores right when profiles themselves change'
        ) as s (statement)
    where p.profile = _profile_triggers.profile
$$;

comment on function pgscore._profile_triggers(regclass) is
    'What the owner of a profile table runs to have the triggers that its bindings need on it';

-- core/binding/_counters_differ.sql
create function pgscore._counters_differ(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        string_agg(
            case
                -- The order of the terms decides about the last digits.
                when r.kind = 'grow' and r.reducer ->> 'aggregate' = 'sum' then format(
                    '(p.%1$I is null or (p.%1$I is distinct from r.v%2$s and not abs(p.%1$I - r.v%2$s) <= 1e-9 * abs(r.v%2$s)))', r.target, r.ordinal
                )
                else format('p.%I is distinct from r.v%s', r.target, r.ordinal)
            end, ' or ' order by r.ordinal
        ), 'false'
    )
    from pgscore._reducers_of(b) r
    where not r.reducer ? 'deletes'
$$;

comment on function pgscore._counters_differ(pgscore.binding) is
    'SQL that says whether a profile, p, holds other counters than its events give, r; those that ignore deletes cannot be compared';

-- core/binding/_differences_shown.sql
create function pgscore._differences_shown(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'concat_ws(''; '', null%s)',
        string_agg(
            format(
                ', case when p.%1$I is distinct from r.v%2$s then format(''%%s is %%s and the events give %%s'', %3$L, coalesce(p.%1$I::text, ''NULL''), coalesce(r.v%2$s::text, ''NULL'')) end',
                r.target, r.ordinal, r.target
            ), '' order by r.ordinal
        )
    )
    from pgscore._reducers_of(b) r
    where not r.reducer ? 'deletes'
$$;

comment on function pgscore._differences_shown(pgscore.binding) is 'SQL for a sentence on the counters of a profile, p, that differ from what its events give, r';

-- core/binding/_reconcile_statements.sql
create function pgscore._reconcile_statements(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select f.*
    from pgscore._function_statements(
        b.profile_owner,
        format(
            '%s(rows integer, repair boolean, out checked bigint, out differing bigint, out examples text[], out finished boolean)',
            pgscore._generated_name(b.profile, 'binding', b.number, 'reconcile')
        ),
        null, 'plpgsql volatile',
        format(
            '<<here>>
            declare
                keys text[]; wrong text[]; missed text[]; after text;
            begin
                insert into pgscore.reconciliation as s (binding, repair) values (%10$s, $2)
                on conflict on constraint reconciliation_pkey do update
                set repair = excluded.repair, last_key = null, checked = 0, differing = 0, started = now(), finished = null
                where s.finished is not null or s.repair <> excluded.repair;
                select s.last_key into here.after from pgscore.reconciliation s where s.binding = %10$s for update;
                if here.after is null then
                    here.keys := array(select %1$s from %2$s p where %3$s order by %4$s limit $1);
                else
                    here.keys := array(select %1$s from %2$s p where %3$s and (%4$s) > (%5$s) order by %4$s limit $1);
                end if;
                -- One statement and one snapshot: what commits meanwhile is not taken for a difference.
                select array_agg(d.key), (array_agg(d.key || '': '' || d.shown))[1:10]
                into here.wrong, examples
                from (
                    select u.key, %6$s as shown
                    from unnest(here.keys) as u (key) join %2$s p on %7$s cross join lateral %8$s(u.key, true) r
                    where %9$s
                ) d;
                finished := cardinality(here.keys) < $1;
                if $2 then
                    here.missed := array(
                        select u.key from unnest(here.keys) as u (key)
                        where exists (select from pgscore.stale_row s where s.binding = %10$s and s.key = u.key)
                    );
                    perform %11$s(array[row(%10$s, ''settle'', array(select unnest(here.wrong) union select unnest(here.missed)), ''{}'')::pgscore.work])
                    where here.wrong is not null or cardinality(here.missed) > 0;
                    delete from pgscore.stale_row s where s.binding = %10$s and s.cause = ''backfill'' and s.key = any (here.missed);
                    -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
                    delete from pgscore.stale_row s
                    where finished and s.binding = %10$s and not exists (select from %2$s p where %12$s);
                end if;
                update pgscore.reconciliation s
                set last_key = coalesce(here.keys[cardinality(here.keys)], s.last_key), checked = s.checked + cardinality(here.keys),
                    differing = s.differing + coalesce(cardinality(here.wrong), 0),
                    finished = case when cardinality(here.keys) < $1 then clock_timestamp() end
                where s.binding = %10$s
                returning s.checked, s.differing into checked, differing;
            end',
            pgscore._key_text(b.profile_key, 'p'), b.profile, pgscore._key_present(b.profile_key, 'p'),
            (select string_agg(format('p.%I', k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            (
                select string_agg(
                    pgscore._key_part('here.after', pgscore._key_types(b.profile, b.profile_key), o::integer), ', ' order by o
                )
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            pgscore._differences_shown(b), pgscore._key_match(b.profile, b.profile_key, 'p', 'u.key'),
            pgscore._generated_name(b.events, 'binding', b.number, 'recount'), pgscore._counters_differ(b), b.number,
            pgscore._generated_name(b.profile, 'profile', b.profile_number, 'apply'),
            pgscore._key_match(b.profile, b.profile_key, 'p', 's.key')
        ),
        format('Compares counters of some rows of %s with the events of %s, and mends them', b.profile, b.events)
    ) f
$$;

comment on function pgscore._reconcile_statements(pgscore.binding) is
    'What the owner of a profile table runs to have the function that compares a binding''s counters with its events';

-- core/binding/_rekey_statements.sql
create function pgscore._rekey_statements(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The trigger that scores a row notes its new key before the row has it, and, on the way to another partition, as the
    -- only one. Where constraints are immediate that is too early to count: this one asks for it when the row is stored.
    with f as (
        select
            pgscore._generated_name(b.profile, 'binding', b.number, 'rekey') as name,
            (select c.relkind = 'p' from pg_catalog.pg_class c where c.oid = b.profile) as partitioned
    )
    select s.role, s.statement
    from f, lateral pgscore._function_statements(
        b.profile_owner, f.name || '()', 'trigger', 'plpgsql volatile',
        format(
            'begin
                insert into %1$s (binding, task, keys, deltas) select %2$s, ''rekeyed'', ''{}'', ''{}''%3$s;
                return null;
            end',
            pgscore._queue_name(b.profile_number), b.number,
            case when f.partitioned then format(
                ' where exists (select from %s q where q.transaction = pg_current_xact_id() and q.task = ''rekey'')',
                pgscore._queue_name(b.profile_number)
            ) end
        ),
        format('Has rows of %s counted whose key has changed', b.profile)
    ) s
    union all
    select b.profile_owner, s.statement
    from f, pgscore._partitions(b.profile) as r (relation), lateral pgscore._trigger_statements(
        -- Of these columns: pgscore's own updates, which are most, do not look at it.
        format('pgscore_%s_rekey', b.number),
        'after update of ' || (select string_agg(quote_ident(k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
        r.relation,
        case when f.partitioned then 'for each statement'
        else format(
            'for each row when (%s)',
            (select string_agg(format('old.%1$I is distinct from new.%1$I', k), ' or ') from unnest(b.profile_key) k)
        ) end,
        f.name, 'Keeps counters right when keys of profiles change'
    ) as s (statement)
$$;

comment on function pgscore._rekey_statements(pgscore.binding) is
    'What the owner of a profile table runs to have rows counted whose key has changed';

-- core/binding/_apply_queue.sql
create function pgscore._apply_queue() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return null;
end
$$;

comment on function pgscore._apply_queue() is
    'At commit: has the owners of profile tables do the work that the transaction queued. It calls what they may replace, so its own owner may do nothing';

-- An owner of functions may create in their schema while it takes them.
grant create on schema pgscore to pgscore_applier;
alter function pgscore._apply_queue() owner to pgscore_applier;
revoke create on schema pgscore from pgscore_applier;

-- core/binding/_generate_apply_queue.sql
create function pgscore._generate_apply_queue() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- In one order for all transactions. It fires for each queued row, and the first call leaves nothing to the others. A table
    -- that has gone has no work, so nothing calls its function. IF, because PERFORM would run a query.
    calls constant text := (
        select string_agg(
            format(
                'if exists (select from %s q where q.transaction = pg_current_xact_id()) then if %s() is not null then null; end if; end if;',
                pgscore._queue_name(p.number), pgscore._generated_name(p.profile, 'profile', p.number, 'drain')
            ), ' ' order by p.profile::oid
        )
        from pgscore.bound_profile p join pg_catalog.pg_class c on c.oid = p.profile
    );
begin
    -- Replaced, and so still its owner's.
    execute format(
        'create or replace function pgscore._apply_queue() returns trigger language plpgsql volatile security definer
        set search_path = pg_catalog, pg_temp as %L', format(
            'begin
                -- Notes about rows that are being changed wait for what follows them, even where constraints are immediate.
                if new.task = ''scored'' or (new.task = ''rekey'' and pg_trigger_depth() > 1) then
                    return null;
                end if;
                %s return null;
            end', calls
        )
    );
end
$$;

comment on function pgscore._generate_apply_queue() is 'Writes the function that runs at commit: a call for each bound profile table';

-- As it is while nothing is tied.
select pgscore._generate_apply_queue();

-- core/binding/_comment_columns.sql
create function pgscore._comment_columns(relation text, says jsonb) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    column_comment record;
begin
    for column_comment in select c.key, c.value from jsonb_each_text(says) c loop
        execute format('comment on column %s.%I is %L', relation, column_comment.key, column_comment.value);
    end loop;
end
$$;

comment on function pgscore._comment_columns(text, jsonb) is 'Comments the columns of a generated table';

-- core/binding/_create_queue.sql
create function pgscore._create_queue(profile_number integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Unlogged: a crash leaves no transaction in flight. The index finds a transaction's own rows among dead ones.
    execute format(
        'create unlogged table %s (
            transaction xid8 not null default pg_current_xact_id(),
            binding integer not null, task text not null, keys text[] not null, deltas text[] not null
        ) with (
            autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1,
            vacuum_truncate = false
        )',
        pgscore._queue_name(profile_number)
    );
    execute format('create index on %s (transaction)', pgscore._queue_name(profile_number));
    -- A session plans once. Were the table a page long then, it would read all of it ever after, however many dead rows
    -- have come meanwhile. So it is some pages long from the start, and stays so.
    execute format(
        'insert into %s (binding, task, keys, deltas) select 0, ''padding'', ''{}'', ''{}'' from generate_series(1, 2000)',
        pgscore._queue_name(profile_number)
    );
    execute format('delete from %s', pgscore._queue_name(profile_number));
    execute format(
        'comment on table %s is %L', pgscore._queue_name(profile_number),
        'Work of transactions in flight: written by triggers, taken back at commit, never seen by another transaction'
    );
    perform pgscore._comment_columns(pgscore._queue_name(profile_number), jsonb_build_object(
        'transaction', 'The transaction', 'binding', 'The number of the binding; 0 for the apply function''s own mark',
        'task', 'move: add the deltas; undo: those that can be taken away, and recount the rest; recount, settle: recount all; recount all: of every profile; arrive, rekey: a profile is new or has a new key; rekeyed: it is stored with it; scored: rows are being stored with their scores',
        'keys', 'Keys of profiles', 'deltas', 'For each key, what the events add: a text array with an element for each reducer; for rekey, the former key'
    ));
    -- Events are queued already folded, a row for each statement, so this fires once for a statement of any size.
    execute format(
        'create constraint trigger apply after insert on %s deferrable initially deferred
        for each row execute function pgscore._apply_queue()',
        pgscore._queue_name(profile_number)
    );
    execute format(
        'comment on trigger apply on %s is %L', pgscore._queue_name(profile_number),
        'Runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE'
    );
    execute format('grant select on %s to pgscore_applier', pgscore._queue_name(profile_number));
    execute format(
        'create table %s (slot integer primary key, transaction xid8) with (fillfactor = 50)', pgscore._arrival_name(profile_number)
    );
    execute format('insert into %s (slot) select generate_series(0, 63)', pgscore._arrival_name(profile_number));
    perform pgscore._comment_columns(pgscore._arrival_name(profile_number), jsonb_build_object(
        'slot', 'What keys hash to', 'transaction', 'The transaction that changed the row last'
    ));
    execute format(
        'comment on table %s is %L', pgscore._arrival_name(profile_number),
        'New profiles, and events that find no profile, change the row that their key hashes to: of two at the same time the later one waits, and then sees the other'
    );
end
$$;

comment on function pgscore._create_queue(integer) is 'Makes the tables that the bindings of a profile table share';

-- core/binding/_drop_queue.sql
create function pgscore._drop_queue(profile_number integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('drop table %s, %s', pgscore._queue_name(profile_number), pgscore._arrival_name(profile_number));
end
$$;

comment on function pgscore._drop_queue(integer) is 'Drops what the bindings of a profile table shared';

-- core/binding/_drop_statements.sql
create function pgscore._drop_statements(name text, owners regrole[]) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.proowner::regrole, format('drop function if exists %s cascade', p.oid::regprocedure)
    from pg_catalog.pg_proc p
    where p.proname = _drop_statements.name and p.proowner = any (owners)
$$;

comment on function pgscore._drop_statements(text, regrole[]) is
    'What the owners of tables run to be rid of a generated function, in whatever schema it stands';

-- core/binding/_refuse.sql
create function pgscore._refuse(problem text) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if problem is not null then
        raise exception '%', problem using errcode = 'invalid_parameter_value';
    end if;
end
$$;

comment on function pgscore._refuse(text) is 'Fails with a sentence that says what is wrong; does nothing for NULL';

-- core/binding/_options_problem.sql
create function pgscore._options_problem(b pgscore.binding) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when num_nulls(b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.timing, b.on_error, b.on_missing, b.log) > 0
            then 'of the arguments only version, scored_at, max_scoring_ms and backfill may be NULL'
        when b.model !~ '^[a-z_][a-z0-9_]*$' or octet_length(b.model) > 50 then format('"%s" is no name of a model', b.model)
        when b.timing not in ('commit', 'statement') then format('timing is commit or statement, not "%s"', b.timing)
        when b.on_error not in ('keep', 'abort') then format('on_error is keep or abort, not "%s"', b.on_error)
        when b.on_missing not in ('ignore', 'insert', 'error') then format('on_missing is ignore, insert or error, not "%s"', b.on_missing)
        when b.max_scoring_ms <= 0 then format('max_scoring_ms is a positive number of milliseconds, not %s', b.max_scoring_ms)
        when cardinality(b.event_key) = 0 or cardinality(b.event_key) <> cardinality(b.profile_key)
            or array_position(b.event_key, null) is not null or array_position(b.profile_key, null) is not null
            then 'event_key and profile_key name the same number of columns, at least one'
    end
$$;

comment on function pgscore._options_problem(pgscore.binding) is 'What is wrong with arguments of attach that stand for themselves; NULL where nothing is';

-- core/binding/_follows_keys.sql
create function pgscore._follows_keys(events regclass, profile regclass) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_constraint c
        where c.contype = 'f' and c.conrelid = events and c.confrelid = profile and c.confupdtype = 'c'
    )
$$;

comment on function pgscore._follows_keys(regclass, regclass) is
    'Whether events follow a profile whose key changes, by a foreign key on update cascade';

-- core/binding/_filter_problem.sql
create function pgscore._filter_problem(reducer jsonb, events regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    filtered record;
begin
    if jsonb_typeof(coalesce(reducer -> 'where', '{}')) <> 'object' then
        return 'the field "where" of a reducer is an object of columns and values';
    end if;
    for filtered in
        select w.key as name, w.value, c.attname, c.atttypid
        from jsonb_each(reducer -> 'where') as w left join lateral pgscore._column(events, w.key) as c on true
    loop
        if filtered.attname is null then
            return format('table %s has no column "%s" to filter by', events, filtered.name);
        elsif jsonb_typeof(filtered.value) in ('object', 'array') then
            return format('column "%s" is filtered by one value: a text, a number, true, false or null', filtered.name);
        elsif not exists (
            select from pg_catalog.pg_type t
            where t.oid = filtered.atttypid and (t.typnamespace = 'pg_catalog'::regnamespace or t.typtype = 'e')
                and t.typcategory <> 'A' and t.typname not in ('json', 'xml', 'point')
        ) then
            return format('column "%s" of type %s cannot be filtered by', filtered.name, filtered.atttypid::regtype);
        end if;
    end loop;
    return null;
end
$$;

comment on function pgscore._filter_problem(jsonb, regclass) is 'What is wrong with the equality filters of a reducer, in a sentence; NULL where nothing is';

-- core/binding/_reducer_problem.sql
create function pgscore._reducer_problem(reducer jsonb, events regclass, profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    aggregate constant text := reducer ->> 'aggregate';
    target constant pg_catalog.pg_attribute := pgscore._column(profile, reducer ->> 'column');
    source constant pg_catalog.pg_attribute := pgscore._column(events, reducer ->> 'of');
    wrong text;
begin
    if jsonb_typeof(reducer) is distinct from 'object' then
        return format('a reducer is an object such as {"column": "n", "aggregate": "count"}, not %s', reducer);
    end if;
    select format('a reducer has no field "%s"', k) into wrong
    from jsonb_object_keys(reducer) as k
    where k not in ('column', 'aggregate', 'of', 'order_by', 'where', 'deletes');
    if found then
        return wrong;
    end if;
    select format('the field "%s" of a reducer is a text', f.key) into wrong
    from jsonb_each(reducer) as f where f.key <> 'where' and jsonb_typeof(f.value) <> 'string';
    if found then
        return wrong;
    end if;
    if target.attname is null then
        return format('table %s has no column "%s" for a reducer', profile, reducer ->> 'column');
    elsif target.attgenerated <> '' then
        return format('column "%s" of table %s is generated', target.attname, profile);
    elsif aggregate is null or aggregate not in ('count', 'sum', 'min', 'max', 'last') then
        return format('the aggregate of a reducer is count, sum, min, max or last, not "%s"', aggregate);
    elsif aggregate = 'count' and reducer ? 'of' then
        return 'count counts events and takes no "of"';
    elsif aggregate <> 'count' and source.attname is null then
        return format('table %s has no column "%s" for %s', events, reducer ->> 'of', aggregate);
    elsif (aggregate = 'last') <> (reducer ? 'order_by') then
        return 'last, and no other aggregate, takes an "order_by"';
    elsif aggregate = 'last' and (pgscore._column(events, reducer ->> 'order_by')).attname is null then
        return format('table %s has no column "%s" to order by', events, reducer ->> 'order_by');
    elsif aggregate = 'last' and not exists (
        select from pg_catalog.pg_index i where i.indrelid = events and i.indisprimary
    ) then
        return format('table %s has no primary key, which decides between the last events at one time', events);
    elsif coalesce(reducer ->> 'deletes', 'ignore') <> 'ignore' then
        return format('"deletes" of a reducer can be "ignore", not "%s"', reducer ->> 'deletes');
    elsif reducer ? 'deletes' and pgscore._reducer_kind(reducer, events) <> 'add' then
        return format('%s of column "%s" is found from the events that are there: it cannot ignore deletes', aggregate, source.attname);
    end if;
    if aggregate in ('min', 'max', 'last') then
        if not exists (
            select from pg_catalog.pg_opclass o
            where o.opcdefault and o.opcmethod = (select a.oid from pg_catalog.pg_am a where a.amname = 'btree')
                and o.opcintype in (
                    source.atttypid, (select t.typbasetype from pg_catalog.pg_type t where t.oid = source.atttypid),
                    case when source.atttypid = 'varchar'::regtype then 'text'::regtype end,
                    case when exists (select from pg_catalog.pg_type t where t.oid = source.atttypid and t.typtype = 'e') then 'anyenum'::regtype end
                )
        ) then
            return format('column "%s" of type %s has no order, which %s needs', source.attname, source.atttypid::regtype, aggregate);
        elsif (target.atttypid, target.atttypmod, target.attcollation)
            is distinct from (source.atttypid, source.atttypmod, source.attcollation)
        then
            return format(
                'column "%s" is of type %s and takes the %s of a column of type %s: they must be the same',
                target.attname, format_type(target.atttypid, target.atttypmod), aggregate,
                format_type(source.atttypid, source.atttypmod)
            );
        end if;
    elsif aggregate = 'sum' and pgscore._reducer_kind(reducer, events) = 'grow' then
        if target.atttypid <> 'double precision'::regtype then
            return format('column "%s" must be double precision for a sum of "%s"', target.attname, source.attname);
        end if;
    elsif aggregate = 'sum' and source.atttypid not in (
        'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype
    ) then
        return format('column "%s" of type %s cannot be summed', source.attname, source.atttypid::regtype);
    elsif aggregate = 'sum' and source.atttypid = 'numeric'::regtype
        and (target.atttypid <> 'numeric'::regtype or target.atttypmod <> -1)
    then
        return format('column "%s" must be numeric, without a precision, for a sum of numeric "%s"', target.attname, source.attname);
    elsif target.atttypid not in ('bigint'::regtype, 'numeric'::regtype)
        or (target.atttypid = 'numeric'::regtype and target.atttypmod <> -1)
    then
        -- A full counter would fail the application's insert.
        return format(
            'column "%s" is of type %s, which a %s can overflow; run: alter table %s alter column %I type bigint',
            target.attname, format_type(target.atttypid, target.atttypmod), aggregate, profile, target.attname
        );
    end if;
    return pgscore._filter_problem(reducer, events);
end
$$;

comment on function pgscore._reducer_problem(jsonb, regclass, regclass) is
    'What is wrong with a reducer between two tables, in a sentence; NULL where nothing is';

-- core/binding/_reducers_problem.sql
create function pgscore._reducers_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(b.reducers) is distinct from 'array' or jsonb_array_length(b.reducers) not between 1 and 50 then
        return 'reducers are a list of 1 to 50 such as [{"column": "n", "aggregate": "count"}]';
    end if;
    return coalesce(
        (
            select p
            from jsonb_array_elements(b.reducers) with ordinality as e (r, ordinal), pgscore._reducer_problem(r, b.events, b.profile) p
            where p is not null order by ordinal limit 1
        ),
        (
            select format('with a foreign key on update cascade and timing statement column "%s" cannot ignore deletes', r ->> 'column')
            from jsonb_array_elements(b.reducers) r
            where r ? 'deletes' and b.timing = 'statement' and pgscore._follows_keys(b.events, b.profile) limit 1
        )
    );
end
$$;

comment on function pgscore._reducers_problem(pgscore.binding) is 'What is wrong with the reducers of a binding, in a sentence; NULL where nothing is';

-- core/binding/_columns_problem.sql
create function pgscore._columns_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (
            select format('model "%s" already scores table %s into column "%s": name the same columns', o.model, b.profile, o.score)
            from pgscore._targets_of(b.profile) o
            where o.model = b.model and o.number is distinct from b.number
                and (o.score, o.version, o.scored_at) is distinct from (b.score, b.version, b.scored_at)
        ),
        -- Each column has one meaning.
        (
            select format('column "%s" of table %s would have two meanings', c.name, b.profile)
            from (
                select r ->> 'column' as name from jsonb_array_elements(b.reducers) r
                union all select n from unnest(array[b.score, b.version, b.scored_at] || b.profile_key) n where n is not null
                union all
                select k from unnest(coalesce(pgscore._primary_key(b.profile), '{}')) k where k <> all (b.profile_key)
                union all
                select r ->> 'column'
                from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r where o.number is distinct from b.number
                union all
                select n from pgscore._targets_of(b.profile) o, unnest(array[o.score, o.version, o.scored_at]) n
                where n is not null and o.model <> b.model
            ) c
            group by c.name having count(*) > 1
            order by c.name limit 1
        )
    )
$$;

comment on function pgscore._columns_problem(pgscore.binding) is
    'Which column of a profile table two things would write, in a sentence; NULL where none';

-- core/binding/_table_keys_problem.sql
create function pgscore._table_keys_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    part record;
begin
    for part in
        select e.name as event_name, p.name as profile_name, pgscore._column(b.events, e.name) as event, pgscore._column(b.profile, p.name) as profile
        from unnest(b.event_key) with ordinality as e (name, ordinal)
        join unnest(b.profile_key) with ordinality as p (name, ordinal) using (ordinal)
        order by ordinal
    loop
        if (part.event).attname is null then
            return format('table %s has no column "%s"', b.events, part.event_name);
        elsif (part.profile).attname is null then
            return format('table %s has no column "%s"', b.profile, part.profile_name);
        elsif pgscore._key_type((part.event).atttypid) is distinct from pgscore._key_type((part.profile).atttypid) then
            return format(
                'the keys do not match: "%s" of %s is %s, "%s" of %s is %s',
                part.event_name, b.events, format_type((part.event).atttypid, (part.event).atttypmod),
                part.profile_name, b.profile, format_type((part.profile).atttypid, (part.profile).atttypmod)
            );
        elsif pgscore._key_type((part.event).atttypid) is null then
            return format(
                'a key of type %s is not supported: smallint, integer, bigint, uuid, text and varchar are',
                format_type((part.event).atttypid, (part.event).atttypmod)
            );
        elsif exists (
            select from pg_catalog.pg_collation c
            where c.oid in ((part.event).attcollation, (part.profile).attcollation) and not c.collisdeterministic
        ) then
            return format('keys with a nondeterministic collation such as "%s" are not supported', part.profile_name);
        end if;
    end loop;
    if not exists (
        select from pg_catalog.pg_index i
        where i.indrelid = b.profile and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
            and i.indnkeyatts = cardinality(b.profile_key)
            and (
                select array_agg(a.attname order by a.attname)
                from unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
                join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
                where k.ordinal <= i.indnkeyatts
            ) = (select array_agg(k order by k) from unnest(b.profile_key) k)
    ) then
        return format(
            '%1$s of table %2$s is not unique; run: alter table %2$s add unique (%3$s)',
            case cardinality(b.profile_key) when 1 then 'column ' else 'the key of columns ' end
                || (select string_agg('"' || k || '"', ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            b.profile, (select string_agg(quote_ident(k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o))
        );
    end if;
    return null;
end
$$;

comment on function pgscore._table_keys_problem(pgscore.binding) is
    'What is wrong with the keys by which events name profiles, in a sentence; NULL where nothing is';

-- core/binding/_tables_problem.sql
create function pgscore._tables_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wrong record;
    found_column pg_catalog.pg_attribute;
begin
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c
    where c.oid in (b.events, b.profile) and (c.relkind not in ('r', 'p') or c.relpersistence <> 'p');
    if found then
        return format('%s is no ordinary table: views, foreign, temporary and unlogged tables cannot be tied', wrong.relation);
    elsif b.events = b.profile then
        return 'a table cannot be tied to itself';
    elsif exists (select from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile)) then
        return format(
            'table %s is a partition or inherits: tie its parent',
            (select i.inhrelid::regclass from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile) limit 1)
        );
    end if;
    for wrong in
        select n.name, n.type
        from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
        where n.name is not null
    loop
        found_column := pgscore._column(b.profile, wrong.name);
        if found_column.attname is null then
            return format(
                'table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I %3$s', b.profile, wrong.name, wrong.type
            );
        elsif found_column.atttypid <> wrong.type::regtype or found_column.attgenerated <> '' or found_column.attnotnull then
            return format('column "%s" of table %s must be %s, nullable and not generated', wrong.name, b.profile, wrong.type);
        end if;
    end loop;
    return null;
end
$$;

comment on function pgscore._tables_problem(pgscore.binding) is
    'What is wrong with the tables of a binding and the columns for the score, in a sentence; NULL where nothing is';

-- core/binding/_check_owner.sql
create function pgscore._check_owner(relation regclass) returns regrole
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    owner constant regrole := (select c.relowner from pg_catalog.pg_class c where c.oid = relation);
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = relation);
    wanted text;
begin
    if not pg_has_role(pgscore._caller(), owner, 'member') then
        raise exception '% owns table % and % is no member of it', owner, relation, pgscore._caller()
            using errcode = 'insufficient_privilege', hint = 'Only who could drop both tables may tie or untie them.';
    elsif not pg_has_role(owner, 'pgscore_reader', 'usage') then
        wanted := format('grant pgscore_reader to %s', owner);
    elsif not has_schema_privilege(owner, space, 'usage') or not has_schema_privilege(owner, space, 'create') then
        wanted := format('grant usage, create on schema %s to %s', space, owner);
    end if;
    if wanted is not null then
        raise exception 'functions that work with the rights of %, who owns table %, need a right that it has not', owner, relation
            using errcode = 'insufficient_privilege', hint = wanted;
    end if;
    return owner;
end
$$;

comment on function pgscore._check_owner(regclass) is
    'The owner of a table, if the caller is one of its members and it can have functions beside its table';
grant execute on function pgscore._check_owner(regclass) to pgscore_reader;

-- core/binding/_check_rights.sql
create function pgscore._check_rights(b pgscore.binding) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    event_space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = b.events);
    profile_space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = b.profile);
    wanted record;
begin
    for wanted in
        select * from (values
            ('pgscore_owner', profile_space), ('pgscore_applier', profile_space),
            (b.profile_owner::text, event_space), (b.events_owner::text, profile_space)
        ) as w (grantee, space)
        where not has_schema_privilege(to_regrole(w.grantee), w.space, 'usage')
    loop
        raise exception '% may not use schema %', wanted.grantee, wanted.space
            using errcode = 'insufficient_privilege', hint = format('grant usage on schema %s to %s', wanted.space, wanted.grantee);
    end loop;
end
$$;

comment on function pgscore._check_rights(pgscore.binding) is
    'Refuses, with the GRANT to run, a binding whose functions could not reach each other';

-- core/binding/_note_binding.sql
create function pgscore._note_binding(b pgscore.binding, former pgscore.binding) returns pgscore.binding
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if former.number is not null then
        update pgscore.binding o
        set timing = b.timing, on_error = b.on_error, on_missing = b.on_missing, max_scoring_ms = b.max_scoring_ms,
            log = b.log, events_owner = b.events_owner, profile_owner = b.profile_owner
        where o.number = former.number
        returning o.* into b;
        return b;
    end if;
    select p.number into b.profile_number from pgscore.bound_profile p where p.profile = b.profile;
    if not found then
        insert into pgscore.bound_profile (number, profile, owner)
        select coalesce(max(p.number), 0) + 1, b.profile, b.profile_owner from pgscore.bound_profile p
        returning number into b.profile_number;
        perform pgscore._create_queue(b.profile_number);
    end if;
    execute format(
        'grant select, insert, delete on %s to %s, %s', pgscore._queue_name(b.profile_number), b.events_owner, b.profile_owner
    );
    execute format('grant select, update on %s to %s', pgscore._arrival_name(b.profile_number), b.profile_owner);
    -- The event table's name, where that is enough.
    b.name := (
        select n.name
        from (values
            (1, b.events::text), (2, format('%s to %s', b.events, b.profile)), (3, format('%s to %s for %s', b.events, b.profile, b.model))
        ) as n (step, name)
        where not exists (select from pgscore.binding o where o.name = n.name)
        order by n.step limit 1
    );
    b.number := (select coalesce(max(o.number), 0) + 1 from pgscore.binding o);
    insert into pgscore.binding (
        number, name, events, profile, profile_number, model, event_key, profile_key, reducers, score, version, scored_at, timing,
        on_error, on_missing, max_scoring_ms, log, events_owner, profile_owner
    ) values (
        b.number, b.name, b.events, b.profile, b.profile_number, b.model, b.event_key, b.profile_key, b.reducers, b.score, b.version,
        b.scored_at, b.timing, b.on_error, b.on_missing, b.max_scoring_ms, b.log, b.events_owner, b.profile_owner
    );
    return b;
end
$$;

comment on function pgscore._note_binding(pgscore.binding, pgscore.binding) is
    'Stores a new binding, or the policies of a former one, with what it shares with others of its profile table';

-- core/binding/_generate_binding.sql
create function pgscore._generate_binding(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore._generate_apply_queue();
    insert into pgscore.model_profile (model, profile) values (b.model, b.profile) on conflict do nothing;
    perform pgscore._generate_profile(b.profile);
end
$$;

comment on function pgscore._generate_binding(pgscore.binding) is 'Writes the functions of pgscore''s own that a binding needs';

-- core/binding/_backfill_statements.sql
create function pgscore._backfill_statements(b pgscore.binding, at_once boolean) returns table (at_the_end boolean, role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- At once: the tables are locked, so nobody adds to what is counted when the transaction commits. Later: the list is
    -- written before the tables are locked, because it takes its time, and once they are, for rows that were committed
    -- meanwhile. Those are as young as the oldest transaction that was open before.
    select true, b.profile_owner, format(
        'insert into %s (binding, task, keys, deltas) values (%s, ''recount all'', ''{}'', ''{}'')',
        pgscore._queue_name(b.profile_number), b.number
    )
    where at_once
    union all
    select l.at_the_end, b.profile_owner, format(
        'insert into pgscore.stale_row (binding, key, cause, reason) select %s, %s, ''backfill'', %L from %s p where %s%s'
        ' on conflict do nothing',
        b.number, pgscore._key_text(b.profile_key, 'p'),
        format('events from before the tables were tied are not counted yet; call pgscore.reconcile(%L, %L)', b.events, b.profile),
        b.profile, pgscore._key_present(b.profile_key, 'p'), l.young
    )
    from (values
        (false, ''),
        (true, format(' and age(p.xmin) <= age(%L::xid)', pg_snapshot_xmin(pg_current_snapshot())::xid))
    ) as l (at_the_end, young)
    where not at_once
$$;

comment on function pgscore._backfill_statements(pgscore.binding, boolean) is
    'What the owner of a profile table runs to have what the event table holds counted at once, or to have all profiles listed as stale until reconcile has counted them';

-- core/binding/_bind.sql
create function pgscore._bind(b pgscore.binding, at_once boolean) returns table (binding_name text, locked boolean, role regrole, statement text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    former pgscore.binding;
begin
    perform pgscore._refuse(pgscore._options_problem(b));
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'tables are tied in READ COMMITTED only: an older snapshot misses events that were committed meanwhile'
            using errcode = 'feature_not_supported';
    end if;
    b.events_owner := pgscore._check_owner(b.events);
    b.profile_owner := pgscore._check_owner(b.profile);
    perform pgscore._lock_generated();
    select o.* into former from pgscore.binding o where o.events = b.events and o.profile = b.profile and o.model = b.model;
    b.number := former.number;
    if (former.event_key, former.profile_key, former.reducers, former.score, former.version, former.scored_at)
        is distinct from (b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at) and former.number is not null
    then
        raise exception 'table % is tied to % for model "%" with other keys, reducers or columns', b.events, b.profile, b.model
            using errcode = 'duplicate_object', hint = format('select pgscore.detach(%L, %L) unties them.', b.events, b.profile);
    end if;
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._table_keys_problem(b));
    perform pgscore._refuse(pgscore._reducers_problem(b));
    perform pgscore._refuse(pgscore._columns_problem(b));
    perform pgscore._check_rights(b);
    b := pgscore._note_binding(b, former);
    perform pgscore._generate_binding(b);
    return query
    select b.name, s.step > 0, s.role, s.statement
    from (
        select case when f.at_the_end then 7 else 0 end as step, f.role, f.statement, 1::bigint as ordinal
        from pgscore._backfill_statements(b, at_once) f
        where former.number is null
        union all
        select 1, e.* from pgscore._event_statements(b) with ordinality e
        union all
        select 2, e.* from pgscore._profile_statements(b.profile) with ordinality e
        union all
        select 3, e.* from pgscore._reconcile_statements(b) with ordinality e
        union all
        select 5, e.* from pgscore._rekey_statements(b) with ordinality e
        union all
        select 4, e.* from pgscore._event_triggers(b) with ordinality e
        union all
        select 5, e.* from pgscore._profile_triggers(b.profile) with ordinality e
        union all
        -- What is wrong with the reducers' SQL, such as a value that is none of its column's type, is to be wrong now.
        select 6, b.events_owner, format(
            'select from %s(null, true)', pgscore._generated_name(b.events, 'binding', b.number, 'recount')
        ), 1
    ) s
    order by s.step, s.ordinal;
end
$$;

comment on function pgscore._bind(pgscore.binding, boolean) is
    'Checks and notes a binding, and says what the owners of its tables have to run; the part of attach that needs pgscore''s rights';
grant execute on function pgscore._bind(pgscore.binding, boolean) to pgscore_reader;

-- core/binding/_unbind.sql
create function pgscore._unbind(events regclass, profile regclass) returns table (role regrole, statement text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    gone pgscore.binding[];
    gone_number integer;
begin
    perform pgscore._check_owner(events);
    perform pgscore._check_owner(profile);
    perform pgscore._lock_generated();
    -- Bindings whose event tables were dropped go along: nothing can be generated for them any more.
    with deleted as (
        delete from pgscore.binding b
        where b.profile = _unbind.profile
            and (b.events = _unbind.events or not exists (select from pg_catalog.pg_class c where c.oid = b.events))
        returning b
    )
    select array_agg(d.b) into gone from deleted d;
    if gone is null then
        raise exception 'table % is not tied to %', events, profile using errcode = 'undefined_object';
    end if;
    gone_number := gone[1].profile_number;
    -- The triggers go with the functions, which are found by their names: the schema of a dropped table is not known.
    return query
    select f.role, f.statement
    from unnest(gone) g, unnest(array['insert', 'update', 'delete', 'truncate', 'recount', 'reconcile', 'rekey']) o (what),
        pgscore._drop_statements(format('_pgscore_binding_%s_%s', g.number, o.what), array[g.events_owner, g.profile_owner]) f;
    if not exists (select from pgscore.binding b where b.profile_number = gone_number) then
        return query
        select f.role, f.statement
        from unnest(array['apply', 'drain', 'score', 'arrive', 'forget']) o (what),
            pgscore._drop_statements(format('_pgscore_profile_%s_%s', gone_number, o.what), array[gone[1].profile_owner]) f;
        delete from pgscore.bound_profile p where p.number = gone_number;
        perform pgscore._drop_queue(gone_number);
    elsif exists (select from pg_catalog.pg_class c where c.oid = profile) then
        return query select * from pgscore._profile_statements(profile);
        return query select * from pgscore._profile_triggers(profile);
    end if;
    perform pgscore._generate_apply_queue();
end
$$;

comment on function pgscore._unbind(regclass, regclass) is
    'Forgets the bindings of two tables, and says what the owners of the tables have to run; the part of detach that needs pgscore''s rights';
grant execute on function pgscore._unbind(regclass, regclass) to pgscore_reader;

-- core/binding/_as_role.sql
create function pgscore._as_role(role regrole, statement text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    former constant text := current_setting('role');
begin
    perform set_config('role', (select r.rolname from pg_catalog.pg_roles r where r.oid = role)::text, true);
    execute statement;
    perform set_config('role', former, true);
end
$$;

comment on function pgscore._as_role(regrole, text) is 'Runs a statement as a role that the caller is a member of';
grant execute on function pgscore._as_role(regrole, text) to pgscore_reader;

-- core/binding/_lock_tables.sql
create function pgscore._lock_tables(events regclass, profile regclass, mode text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
declare
    relation regclass;
begin
    -- Half a second is less than deadlock_timeout: whoever waits for us is freed before anybody looks for a deadlock.
    for attempt in 1 .. 10 loop
        begin
            foreach relation in array array[events, profile] loop
                -- What was dropped can be untied all the same.
                continue when not exists (select from pg_catalog.pg_class c where c.oid = relation);
                perform pgscore._as_role(
                    (select c.relowner from pg_catalog.pg_class c where c.oid = relation),
                    format('lock table %s in %s mode', relation, mode)
                );
            end loop;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'tables % and % are in use: in ten attempts of half a second no lock was to be had', events, profile
        using errcode = 'lock_not_available', hint = 'Nothing was changed. Try again when no long transaction uses them.';
end
$$;

comment on function pgscore._lock_tables(regclass, regclass, text) is
    'Locks the tables of a binding, without making applications wait longer than half a second at a time';
grant execute on function pgscore._lock_tables(regclass, regclass, text) to pgscore_reader;

-- core/binding/_is_small.sql
create function pgscore._is_small(relation regclass, rows integer) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    former constant text := current_setting('role');
    answer boolean;
begin
    -- As its owner: what it calls itself a table may be a view of somebody's functions.
    perform set_config('role', (select r.rolname from pg_catalog.pg_class c join pg_catalog.pg_roles r on r.oid = c.relowner where c.oid = relation)::text, true);
    execute format('select count(*) <= $1 from (select from %s limit $1 + 1) s', relation) into answer using rows;
    perform set_config('role', former, true);
    return answer;
end
$$;

comment on function pgscore._is_small(regclass, integer) is 'Whether a table has no more than some rows, without reading more than that';
grant execute on function pgscore._is_small(regclass, integer) to pgscore_reader;

-- core/binding/_advise.sql
create function pgscore._advise(b pgscore.binding, counted boolean) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted record;
begin
    if not counted then
        raise notice 'events that % holds already are not counted yet, and its profiles are listed in pgscore.stale until they are', b.events
            using hint = format('call pgscore.reconcile(%L, %L)', b.events, b.profile);
    end if;
    for wanted in
        select b.event_key || (
            select array_agg(r ->> 'order_by') filter (where r ? 'order_by') from jsonb_array_elements(b.reducers) r
        )::name[] as columns
        union
        select b.event_key || (r ->> 'of')::name from jsonb_array_elements(b.reducers) r where r ->> 'aggregate' in ('min', 'max')
        union
        select b.event_key
    loop
        if not exists (
            select from pg_catalog.pg_index i
            where i.indrelid = b.events and i.indisvalid and i.indpred is null
                and (
                    select array_agg(a.attname order by k.ordinal)
                    from unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
                    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
                    where k.ordinal <= cardinality(wanted.columns)
                ) @> wanted.columns
        ) then
            raise notice 'no index of % begins with %: each recount of a profile reads more than its events', b.events, array_to_string(wanted.columns, ', ')
                using hint = format(
                    'create index concurrently on %s (%s)', b.events,
                    (select string_agg(quote_ident(c), ', ' order by o) from unnest(wanted.columns) with ordinality u (c, o))
                );
        end if;
    end loop;
end
$$;

comment on function pgscore._advise(pgscore.binding, boolean) is 'Says what is left to do after tables were tied: to count what they hold, and indexes to make';
grant execute on function pgscore._advise(pgscore.binding, boolean) to pgscore_reader;

-- core/binding/attach.sql
create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null
) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    b pgscore.binding;
    known constant boolean := exists (
        select from pgscore.binding o
        where o.events = attach.events and o.profile = attach.profile and o.model = attach.model
    );
    at_once boolean;
    locked boolean := false;
    step record;
begin
    b.model := model;
    b.events := events;
    b.profile := profile;
    b.event_key := event_key;
    b.profile_key := profile_key;
    b.reducers := reducers;
    b.score := score;
    b.version := version;
    b.scored_at := scored_at;
    b.timing := timing;
    b.on_error := on_error;
    b.on_missing := on_missing;
    b.max_scoring_ms := max_scoring_ms;
    b.log := log;
    perform pgscore._check_owner(events), pgscore._check_owner(profile);
    at_once := known or coalesce(backfill, pgscore._is_small(profile, 10000) and pgscore._is_small(events, 100000));
    for step in select s.* from pgscore._bind(b, at_once) s loop
        b.name := step.binding_name;
        if step.locked and not locked then
            perform pgscore._lock_tables(events, profile, 'share row exclusive');
            locked := true;
        end if;
        perform pgscore._as_role(step.role, step.statement);
    end loop;
    perform pgscore._advise(b, at_once);
    return b.name;
end
$$;

comment on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean) is
    'Ties an event table to a profile table by keys of several columns; see the function for keys of one column';
grant execute on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean)
    to pgscore_reader;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null
) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore.attach(
        model, events, profile, array[event_key], array[profile_key], reducers, score, version, scored_at, timing, on_error,
        on_missing, max_scoring_ms, log, backfill
    )
$$;

comment on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean) is
    'Ties an event table to a profile table: from now on its events move columns of the profile and the score of a model. Called by a member of the owners of both. Called again, it changes timing, policies and log, and mends triggers. backfill: count in this transaction what the tables hold (true), later by pgscore.reconcile (false), or as their size says (NULL)';
grant execute on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean)
    to pgscore_reader;

-- core/binding/reattach.sql
create function pgscore.reattach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore.attach(
        b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log
    )
    from pgscore.binding b where b.events = reattach.events and b.profile = reattach.profile;
    if not found then
        raise exception 'table % is not tied to %', events, profile using errcode = 'undefined_object';
    end if;
end
$$;

comment on function pgscore.reattach(regclass, regclass) is
    'Ties tables again as they are tied: gives partitions that were added later their triggers, and mends what is missing or disabled';
grant execute on function pgscore.reattach(regclass, regclass) to pgscore_reader;

-- core/binding/detach.sql
create function pgscore.detach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    step record;
begin
    perform pgscore._check_owner(events), pgscore._check_owner(profile);
    -- Transactions that have queued work are over then.
    perform pgscore._lock_tables(events, profile, 'access exclusive');
    for step in select s.* from pgscore._unbind(events, profile) s loop
        perform pgscore._as_role(step.role, step.statement);
    end loop;
end
$$;

comment on function pgscore.detach(regclass, regclass) is
    'Unties an event table from a profile table: triggers and generated functions go, the data stays as it is';
grant execute on function pgscore.detach(regclass, regclass) to pgscore_reader;

-- core/binding/_bindings_to_reconcile.sql
create function pgscore._bindings_to_reconcile(events regclass, profile regclass) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    names constant text[] := array(
        select b.name from pgscore.binding b where b.events = _bindings_to_reconcile.events and b.profile = _bindings_to_reconcile.profile
        order by b.number
    );
begin
    if cardinality(names) = 0 then
        raise exception 'table % is not tied to %', events, profile using errcode = 'undefined_object';
    end if;
    return names;
end
$$;

comment on function pgscore._bindings_to_reconcile(regclass, regclass) is 'The bindings of two tables; fails where there are none';
grant execute on function pgscore._bindings_to_reconcile(regclass, regclass) to pgscore_reader;

-- core/binding/_reconcile_step.sql
create function pgscore._reconcile_step(
    binding text, repair boolean, rows integer default 500,
    out checked bigint, out differing bigint, out examples text[], out finished boolean
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    b pgscore.binding;
begin
    select o.* into strict b from pgscore.binding o where o.name = _reconcile_step.binding;
    perform pgscore._check_owner(b.events), pgscore._check_owner(b.profile);
    execute format(
        'select f.* from %s.%I($1, $2) f',
        (select c.relnamespace::regnamespace from pg_catalog.pg_class c where c.oid = b.profile),
        format('_pgscore_binding_%s_reconcile', b.number)
    ) into checked, differing, examples, finished using rows, repair;
end
$$;

comment on function pgscore._reconcile_step(text, boolean, integer) is
    'Compares the counters of the next profiles of a binding with its events; what it did stands when the caller commits';
grant execute on function pgscore._reconcile_step(text, boolean, integer) to pgscore_reader;

-- core/binding/_report_step.sql
create function pgscore._report_step(
    binding text, repair boolean, checked bigint, differing bigint, examples text[], finished boolean
) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if examples is not null then
        raise notice '% differ: %', binding, array_to_string(examples, ' | ');
    end if;
    if finished or checked % 10000 = 0 then
        raise info '%: % profiles compared, % differed%', binding, checked, differing,
            case when differing = 0 then '' when repair then ' and were mended' else ' and were left as they are' end;
    end if;
end
$$;

comment on function pgscore._report_step(text, boolean, bigint, bigint, text[], boolean) is 'Tells the caller of reconcile what differs, and how far it has come';
grant execute on function pgscore._report_step(text, boolean, bigint, bigint, text[], boolean) to pgscore_reader;

-- core/binding/reconcile.sql
create procedure pgscore.reconcile(events regclass, profile regclass, repair boolean default true)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, and all that is called
    -- is pinned itself.
    pinned text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    bindings text[] := pgscore._bindings_to_reconcile(events, profile);
    next text;
    step record;
begin
    foreach next in array bindings loop
        loop
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            select s.* into step from pgscore._reconcile_step(next, repair) s;
            commit;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            perform pgscore._report_step(next, repair, step.checked, step.differing, step.examples, step.finished);
            exit when step.finished;
        end loop;
    end loop;
end
$$;

comment on procedure pgscore.reconcile(regclass, regclass, boolean) is
    'Says where counters of profiles differ from what their events give, and mends them, some hundred at a time, each in a transaction; after an interruption it goes on where it was';
grant execute on procedure pgscore.reconcile(regclass, regclass, boolean) to pgscore_reader;

-- core/become_oneself.sql
reset role;
