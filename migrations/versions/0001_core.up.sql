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
            ('pgscore_operator', 'may promote and route versions, and reads what went wrong')
        ) as r (name, says)
        where to_regrole(r.name) is null
    loop
        execute format('create role %I nologin', wanted.name);
        execute format('comment on role %I is %L', wanted.name, 'pgscore: ' || wanted.says);
        if wanted.name in ('pgscore_publisher', 'pgscore_operator') then
            execute format('grant pgscore_reader to %I', wanted.name);
        end if;
    end loop;
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
    created_at timestamptz not null default now(),
    created_by name not null default session_user,
    constraint model_name_is_an_identifier check (name ~ '^[a-z_][a-z0-9_]*$' and octet_length(name) <= 50)
);

comment on table pgscore.model is 'Models by name';
comment on column pgscore.model.name is 'An identifier of at most 50 characters; functions are generated under it';
comment on column pgscore.model.serving is 'The version that answers; NULL until one is promoted';
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
    unique (model, digest),
    constraint version_is_positive check (version > 0),
    constraint digest_is_a_sha256 check (digest ~ '^[0-9a-f]{64}$'),
    constraint sha256_is_one check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint size_fits_a_backend check (size between 1 and 1073741824),
    constraint format_is_known check (format in ('joblib', 'pickle', 'skops')),
    constraint signature_has_a_key check ((signature is null) = (key_id is null)),
    constraint signature_is_ed25519 check (octet_length(signature) = 64),
    constraint metrics_are_an_object check (jsonb_typeof(metrics) = 'object')
);

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
    model text not null references pgscore.model (name),
    profile regclass not null,
    primary key (model, profile)
);

comment on table pgscore.model_profile is 'Profile tables that a model scores: typed functions are generated for each';
comment on column pgscore.model_profile.model is 'The model';
comment on column pgscore.model_profile.profile is 'A table that has the model''s inputs as columns';
grant select on pgscore.model_profile to pgscore_reader;

-- core/tables/binding.sql
create table pgscore.binding (
    name text primary key,
    events regclass not null,
    profile regclass not null,
    model text not null,
    event_key name not null,
    profile_key name not null,
    reducers jsonb not null,
    score name not null,
    version name,
    scored_at name,
    timing text not null default 'commit',
    on_error text not null default 'keep',
    log boolean not null default true,
    apply_schema name not null,
    apply_function name not null,
    unique (events, profile),
    constraint timing_is_known check (timing in ('commit')),
    constraint on_error_is_known check (on_error in ('keep', 'abort')),
    constraint reducers_are_a_list check (jsonb_typeof(reducers) = 'array')
);

comment on table pgscore.binding is 'Ties of an event table to a profile table';
comment on column pgscore.binding.name is 'The event table, as it was called when it was bound';
comment on column pgscore.binding.events is 'The table that applications insert into';
comment on column pgscore.binding.profile is 'The table whose counters move and whose rows are scored';
comment on column pgscore.binding.model is 'The model that scores; it need not exist yet';
comment on column pgscore.binding.event_key is 'The events'' column that names the profile';
comment on column pgscore.binding.profile_key is 'The profile''s column that it names';
comment on column pgscore.binding.reducers is 'How events change the profile: [{"column": …, "aggregate": …}]';
comment on column pgscore.binding.score is 'The profile''s column for the score';
comment on column pgscore.binding.version is 'The profile''s column for the version that gave the score';
comment on column pgscore.binding.scored_at is 'The profile''s column for the time of the score';
comment on column pgscore.binding.timing is 'commit: profiles change when the transaction commits';
comment on column pgscore.binding.on_error is 'keep: a failing model leaves the row stale; abort: it fails the transaction';
comment on column pgscore.binding.log is 'Whether scores are written to pgscore.prediction_log';
comment on column pgscore.binding.apply_schema is 'Schema of the function that moves the counters and stores the scores';
comment on column pgscore.binding.apply_function is 'Name of that function';
grant select on pgscore.binding to pgscore_reader;

-- core/tables/queue.sql
-- Rows of transactions in flight only: written by statement triggers, taken back at commit, never seen by another
-- transaction. Unlogged: a crash leaves no transaction in flight. The index finds a transaction's own rows among dead ones.
create unlogged table pgscore.queue (
    transaction xid8 not null default pg_current_xact_id(),
    binding text not null,
    keys text[] not null,
    deltas bigint[] not null,
    constraint one_delta_for_a_key check (cardinality(keys) = cardinality(deltas))
)
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1);

create index queue_transaction on pgscore.queue (transaction);

comment on table pgscore.queue is 'Folded events of transactions in flight';
comment on column pgscore.queue.transaction is 'The transaction';
comment on column pgscore.queue.binding is 'The binding that they belong to';
comment on column pgscore.queue.keys is 'Keys of profiles';
comment on column pgscore.queue.deltas is 'For each key, what is added to the counter';

-- core/tables/stale.sql
create table pgscore.stale (
    binding text not null references pgscore.binding (name) on delete cascade,
    key text not null,
    reason text not null,
    since timestamptz not null default now(),
    primary key (binding, key)
);

comment on table pgscore.stale is 'Profile rows whose score could not be computed: they keep their last score until it can';
comment on column pgscore.stale.binding is 'The binding';
comment on column pgscore.stale.key is 'The key of the profile row';
comment on column pgscore.stale.reason is 'Why, at the last try';
comment on column pgscore.stale.since is 'When it first failed since it last succeeded';
grant select on pgscore.stale to pgscore_operator;

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

-- core/types/scored.sql
create type pgscore.scored as (
    version integer,
    scores double precision[],
    reasons text[]
);

comment on type pgscore.scored is 'What a version gives for some rows: its number, and a score and a reason of refusal for each row';

-- core/functions/_refuse_change.sql
create function pgscore._refuse_change() returns trigger
language plpgsql volatile
set search_path = ''
as $$
begin
    raise exception '% of pgscore.% is refused: what was published does not change', lower(tg_op), tg_table_name
        using errcode = 'object_not_in_prerequisite_state',
              hint = 'Publish a new version instead.';
end
$$;

comment on function pgscore._refuse_change() is 'Keeps versions, artifacts and golden rows immutable, for their owner too';

create trigger immutable before update or delete or truncate on pgscore.model_version
    for each statement execute function pgscore._refuse_change();
create trigger immutable before update or delete or truncate on pgscore.golden_row
    for each statement execute function pgscore._refuse_change();
create trigger immutable before update or truncate on pgscore.artifact_chunk
    for each statement execute function pgscore._refuse_change();

comment on trigger immutable on pgscore.model_version is 'Versions do not change';
comment on trigger immutable on pgscore.golden_row is 'Golden rows do not change';
comment on trigger immutable on pgscore.artifact_chunk is 'Artifacts do not change';

-- core/functions/_refuse_pruning.sql
create function pgscore._refuse_pruning() returns trigger
language plpgsql volatile
set search_path = ''
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
set search_path = ''
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
set search_path = ''
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
set search_path = ''
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

-- core/functions/_no_answer.sql
create function pgscore._no_answer(model text) returns double precision
language plpgsql stable parallel safe
set search_path = ''
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
grant execute on function pgscore._no_answer(text) to pgscore_reader;

-- core/functions/_payload_value.sql
create function pgscore._payload_value(payload jsonb, name text, type text) returns text
language plpgsql immutable parallel safe
set search_path = ''
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
    if kind = 'null'
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
set search_path = ''
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
set search_path = ''
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

-- core/functions/_load.sql
create function pgscore._load(model text, version integer) returns void
language plpgsql stable parallel restricted
set search_path = ''
as $$
declare
    piece record;
    refusal record;
begin
    for piece in
        select c.ordinal, c.content from pgscore.artifact_chunk c
        where c.model = _load.model and c.version = _load.version
        order by c.ordinal
    loop
        perform pgscore_trusted._receive(piece.ordinal, piece.content);
    end loop;
    if piece.ordinal is null then
        raise exception 'model "%" version % was pruned: its artifact is gone', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Publish the same file again to bring it back.';
    end if;
    select l.sqlstate, l.message, l.hint into refusal
    from pgscore.model_version v,
        pgscore_trusted._load(
            v.contract::text, v.signature, v.key_id,
            array(
                select c.type from pgscore.confirmed_type c where c.model = v.model and c.version = v.version
            )
        ) l
    where v.model = _load.model and v.version = _load.version;
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be loaded: %', model, version, refusal.message
            using errcode = refusal.sqlstate,
                  hint = replace(replace(refusal.hint, '{model}', model), '{version}', version::text);
    end if;
end
$$;

comment on function pgscore._load(text, integer) is
    'Hands the artifact of a version to this backend, piece by piece, and has it checked and unpickled there';

-- core/functions/_estimate.sql
-- Parallel workers would each import scikit-learn for some seconds: restricted, although it would be safe.
create function pgscore._estimate(
    model text, version integer, digest text, rows integer, numbers double precision[], texts text[],
    every boolean default false
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = ''
as $$
declare
    answer record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        raise exception 'model "%" version % needs PL/Python, which this database does not have', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'A superuser runs alembic upgrade plpython@head.';
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

-- core/functions/_distance.sql
create function pgscore._distance(one double precision, other double precision) returns double precision
language sql immutable parallel safe
set search_path = ''
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

-- core/functions/_golden_differences.sql
create function pgscore._golden_differences(model text, version integer) returns table (
    engine text, ordinal integer, expected double precision, score double precision, reason text,
    difference double precision, ok boolean
)
language sql stable parallel restricted
set search_path = ''
as $$
    with asked as materialized (
        select
            v.digest,
            count(*)::integer as rows,
            -- Arrays without elements cannot be put together.
            array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0) as numbers,
            array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0) as texts,
            case v.contract #>> '{output,kind}'
                when 'probability' then jsonb_array_length(v.contract #> '{output,classes}') + 1
                else 1
            end as width
        from pgscore.model_version v
        cross join lateral (
            select
                r.ordinal,
                pgscore._payload_numbers(v.contract -> 'inputs', r.inputs) as numbers,
                pgscore._payload_texts(v.contract -> 'inputs', r.inputs) as texts
            from pgscore.golden_row r
            where r.model = v.model and r.version = v.version
        ) g
        where v.model = _golden_differences.model and v.version = _golden_differences.version
        group by v.digest, v.contract
    ),
    answered as materialized (
        select
            a.width,
            pgscore._estimate(
                _golden_differences.model, _golden_differences.version, a.digest, a.rows, a.numbers, a.texts
            ) as scored,
            (pgscore._estimate(
                _golden_differences.model, _golden_differences.version, a.digest, a.rows, a.numbers, a.texts, true
            )).scores as outputs
        from asked a
    ),
    replayed as (
        select
            s.position, s.score, s.reason,
            a.outputs[(s.position - 1) * a.width + 1 : s.position * a.width] as outputs
        from answered a,
            unnest((a.scored).scores, (a.scored).reasons) with ordinality as s (score, reason, position)
    ),
    compared as (
        select
            g.ordinal, g.expected, g.scale, r.score, r.reason,
            greatest(
                pgscore._distance(g.expected, r.score),
                (
                    select max(pgscore._distance(o.expected, o.output))
                    from unnest(g.outputs, r.outputs) as o (expected, output)
                    where g.outputs is not null
                )
            ) as difference
        from (
            select row_number() over (order by g.ordinal) as position, g.*
            from pgscore.golden_row g
            where g.model = _golden_differences.model and g.version = _golden_differences.version
        ) g
        join replayed r on r.position = g.position
    )
    -- The same estimator may differ in the last bits when another processor's arithmetic adds in another order.
    select 'estimator', c.ordinal, c.expected, c.score, c.reason, c.difference,
        c.difference <= 1e-12 * greatest(1, abs(c.expected), c.scale)
    from compared c
$$;

comment on function pgscore._golden_differences(text, integer) is
    'Replays the golden rows of a version in each engine that it has and compares scores and all outputs, row by row';

-- core/functions/verify.sql
create function pgscore.verify(model text, version integer default null) returns table (
    engine text, rows integer, max_abs_diff double precision, ok boolean
)
language plpgsql stable parallel restricted security definer
set search_path = ''
as $$
begin
    version := pgscore._existing_version(model, version);
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
    metrics jsonb, golden jsonb, out version integer, out created boolean, out wanted boolean
)
language plpgsql volatile security definer
set search_path = ''
as $$
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
    insert into pgscore.model (name) values (model) on conflict do nothing;
    -- Versions are numbered one after the other.
    perform from pgscore.model m where m.name = _publish.model for no key update;

    select v.version into version
    from pgscore.model_version v
    where v.model = _publish.model and v.digest = _publish.digest;
    created := not found;
    if created then
        select coalesce(max(v.version), 0) + 1 into version from pgscore.model_version v where v.model = _publish.model;
        insert into pgscore.model_version (
            model, version, digest, sha256, size, format, contract, signature, key_id, metrics
        ) values (
            _publish.model, _publish.version, _publish.digest, _publish.sha256, _publish.size, _publish.format,
            _publish.contract, _publish.signature, _publish.key_id, coalesce(_publish.metrics, '{}')
        );
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
    else
        -- An artifact that was pruned may come back, as its version stays the same.
        update pgscore.retirement r set pruned_at = null, pruned_by = null
        where r.model = _publish.model and r.version = _publish.version and r.pruned_at is not null;
    end if;
    wanted := created or found;
end
$$;

comment on function pgscore._publish(text, text, text, bigint, text, jsonb, bytea, text, jsonb, jsonb) is
    'Stores a version with its golden rows, or answers with the version that has the same artifact and contract; wanted: pgscore._store_chunk has to follow';
grant execute on function pgscore._publish(text, text, text, bigint, text, jsonb, bytea, text, jsonb, jsonb)
    to pgscore_publisher;

-- core/functions/_store_chunk.sql
create function pgscore._store_chunk(model text, version integer, content bytea) returns void
language plpgsql volatile security definer
set search_path = ''
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

-- core/functions/_create_function.sql
create function pgscore._create_function(signature text, returns text, posture text, body text, says text) returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    -- The body is a literal, never dollar-quoted: names of inputs and categories stand in it, and could end the quote.
    execute format('create or replace function %s returns %s language %s as %L', signature, returns, posture, body);
    execute format('comment on function %s is %L', signature, says);
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to pgscore_reader', signature);
end
$$;

comment on function pgscore._create_function(text, text, text, text, text) is
    'Writes a generated function with its comment and its only privilege: readers may call it.';

-- core/functions/_prediction.sql
create function pgscore._prediction(version integer, output jsonb, outputs double precision[]) returns jsonb
language sql immutable parallel safe
set search_path = ''
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

-- core/functions/_profile_expression.sql
create function pgscore._profile_expression(profile regclass, input jsonb, source text) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    wanted constant text := input ->> 'type';
    field record;
begin
    select
        source || '.' || quote_ident(a.attname) as reference,
        format_type(a.atttypid, a.atttypmod) as declared,
        coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text as type,
        t.typcategory as category
    into field
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        raise exception 'table % has no column "%", which the model reads', profile, input ->> 'name'
            using errcode = 'undefined_column';
    end if;
    if wanted = 'text' and field.category in ('S', 'E') then
        return field.reference || '::text';
    elsif wanted = 'boolean' and field.category = 'B' then
        return field.reference || '::integer::double precision';
    elsif wanted = 'double precision' and field.type = 'real' then
        -- As drivers and JSON show it: 1.1 is 1.1, not 1.10000002384186.
        return field.reference || '::text::double precision';
    elsif wanted = 'double precision'
        and field.type in ('smallint', 'integer', 'bigint', 'numeric', 'double precision')
    then
        return field.reference || '::double precision';
    end if;
    raise exception 'column "%" of table % is of type %, which cannot serve as %',
        input ->> 'name', profile, field.declared, wanted
        using errcode = 'datatype_mismatch',
              hint = 'Fit the model on the column as it is, or bind a view or table that has the type it wants.';
end
$$;

comment on function pgscore._profile_expression(regclass, jsonb, text) is
    'SQL for one input of a contract, read from a row of the profile table that stands under the name in source';

-- core/functions/_arrays.sql
create function pgscore._arrays(
    profile regclass, inputs jsonb, source text, out numbers text, out texts text
)
language sql stable
set search_path = ''
as $$
    select
        'array[' || string_agg(e.expression, ', ' order by e.ordinal) filter (where not e.is_text)
            || ']::double precision[]',
        'array[' || string_agg(e.expression, ', ' order by e.ordinal) filter (where e.is_text) || ']::text[]'
    from (
        select
            i.ordinal,
            i.input ->> 'type' = 'text' as is_text,
            pgscore._profile_expression(profile, i.input, source) as expression
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    ) e
$$;

comment on function pgscore._arrays(regclass, jsonb, text) is
    'SQL for the two arrays, of numbers and of texts, that a contract''s inputs travel in; NULL for one without elements';

-- core/functions/_lock_generated.sql
create function pgscore._lock_generated() returns void
language sql volatile
set search_path = ''
as $$
    select pg_advisory_xact_lock(hashtextextended('pgscore generated functions', 0))
$$;

comment on function pgscore._lock_generated() is
    'Until the transaction ends no other one replaces generated functions: two would meet in the catalog';

-- core/functions/_generate_model_profile.sql
create function pgscore._generate_model_profile(model text, inputs jsonb, profile regclass) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    posture constant text := 'sql stable parallel restricted';
    every constant text := format('pgscore_models.%I', '_' || model);
    -- Stays NULL where the model reads no number, or no text: arrays without elements cannot be put together.
    each_row constant text := ') from (select unnest($1) as profile) each)';
    one record;
    many record;
begin
    select * into one from pgscore._arrays(profile, inputs, '($1)');
    select * into many from pgscore._arrays(profile, inputs, '(each.profile)');
    perform pgscore._create_function(
        format('pgscore_models.%I(profile %s)', model, profile), 'double precision', posture,
        format(
            'select (%s(1, %s, %s)).scores[1]', every, coalesce(one.numbers, 'null'), coalesce(one.texts, 'null')
        ),
        format('Model "%s": a row of %s', model, profile)
    );
    perform pgscore._create_function(
        format('%s(profiles %s[])', every, profile), 'pgscore.scored', posture,
        format(
            'select %s(cardinality($1), %s, %s)', every,
            coalesce('(select array_agg(' || many.numbers || each_row, 'null'),
            coalesce('(select array_agg(' || many.texts || each_row, 'null')
        ),
        format('Model "%s": rows of %s, with the version that scored them', model, profile)
    );
end
$$;

comment on function pgscore._generate_model_profile(text, jsonb, regclass) is
    'Writes the functions of a model that take rows of one profile table';

-- core/functions/_generate_model.sql
create function pgscore._generate_model(model text) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    -- A string body throughout: one that names a table's row type must not stand in the way of ALTER TABLE.
    posture constant text := 'sql stable parallel restricted';
    one constant text := format('pgscore_models.%I', model);
    every constant text := format('pgscore_models.%I', '_' || model);
    serving record;
    estimate text;
    bound regclass;
begin
    select v.version, v.digest, v.contract -> 'inputs' as inputs, v.contract -> 'output' as output into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _generate_model.model;
    estimate := format('pgscore._estimate(%L, %s, %L, ', model, serving.version, serving.digest);

    perform pgscore._create_function(
        every || '(rows integer, numbers double precision[], texts text[])', 'pgscore.scored', posture,
        'select ' || estimate || '$1, $2, $3)',
        format('Model "%s" version %s: rows given as arrays', model, serving.version)
    );
    perform pgscore._create_function(
        one || '(payload jsonb)', 'double precision', posture,
        format(
            'select (%1$s(1, pgscore._payload_numbers(%2$L, payload), pgscore._payload_texts(%2$L, payload))).scores[1]',
            every, serving.inputs
        ),
        format('Model "%s" version %s: a row as JSON', model, serving.version)
    );
    perform pgscore._create_function(
        every || '(payload jsonb)', 'jsonb', posture,
        format(
            'select pgscore._prediction(%1$s, %2$L, (%3$s 1,'
                ' pgscore._payload_numbers(%4$L, payload), pgscore._payload_texts(%4$L, payload), true)).scores)',
            serving.version, serving.output, estimate, serving.inputs
        ),
        format('Model "%s" version %s: label and class probabilities, or value, of a row as JSON', model, serving.version)
    );
    for bound in select p.profile from pgscore.model_profile p where p.model = _generate_model.model loop
        perform pgscore._generate_model_profile(model, serving.inputs, bound);
    end loop;
end
$$;

comment on function pgscore._generate_model(text) is 'Writes the functions of a model''s serving version in pgscore_models';

-- core/functions/_generate_dispatch.sql
create function pgscore._generate_dispatch(profile regclass default null) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    -- Inlined where the model's name is a constant: the planner keeps one branch. It does so only while all that is
    -- called here is at least stable.
    posture constant text := 'sql stable parallel restricted';
    -- Without a table: the functions for JSON.
    argument constant text := coalesce('profile ' || profile, 'payload jsonb');
    cases text;
    every_cases text;
begin
    select
        string_agg(format('when %L then pgscore_models.%I($2)', m.name, m.name), ' ' order by m.name),
        string_agg(format('when %L then pgscore_models.%I($2)', m.name, '_' || m.name), ' ' order by m.name)
    into cases, every_cases
    from pgscore.model m
    where m.serving is not null
        and (
            profile is null
            -- What was tied to the table after its promotion has no function for it until the next one.
            or to_regprocedure(format('pgscore_models.%I(%s)', m.name, profile)) is not null
        );
    perform pgscore._create_function(
        format('pgscore.score(model text, %s)', argument), 'double precision', posture,
        format('select case $1 %s else pgscore._no_answer($1) end', coalesce(cases, 'when null then null')),
        format('The score that a model''s serving version gives for %s', coalesce('a row of ' || profile, 'a row as JSON'))
    );
    if profile is null then
        perform pgscore._create_function(
            'pgscore.predict(model text, payload jsonb)', 'jsonb', posture,
            format(
                'select case $1 %s else to_jsonb(pgscore._no_answer($1)) end',
                coalesce(every_cases, 'when null then null')
            ),
            'What a model''s serving version says of a row as JSON: label and class probabilities, or value'
        );
    else
        perform pgscore._create_function(
            format('pgscore._score_rows(model text, profiles %s[])', profile), 'pgscore.scored', posture,
            format('select case $1 %s end', coalesce(every_cases, 'when null then null::pgscore.scored')),
            format('Scores of rows of %s and the version that gave them; NULL where no version is promoted', profile)
        );
    end if;
end
$$;

comment on function pgscore._generate_dispatch(regclass) is
    'Writes pgscore.score for rows of a profile table, or for JSON: a case over all models that are promoted';

-- core/functions/_add_profile.sql
create function pgscore._add_profile(profile regclass) returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    perform pgscore._lock_generated();
    perform pgscore._generate_dispatch(profile);
end
$$;

comment on function pgscore._add_profile(regclass) is
    'Makes pgscore.score for rows of a table, before any model is promoted, so that a promotion only replaces it';

-- core/functions/_tie_profile.sql
create function pgscore._tie_profile(model text, profile regclass) returns void
language plpgsql volatile security definer
set search_path = ''
set lock_timeout = '5s'
as $$
begin
    perform pgscore._existing_version(model, null);
    insert into pgscore.model_profile (model, profile) values (_tie_profile.model, _tie_profile.profile)
    on conflict do nothing;
    if found then
        -- A model that serves already answers for the new table from its next promotion on.
        perform pgscore._add_profile(profile);
    end if;
end
$$;

comment on function pgscore._tie_profile(text, regclass) is
    'Has a model score rows of a table from its next promotion on; the last step of a publication, since it holds a lock';
grant execute on function pgscore._tie_profile(text, regclass) to pgscore_publisher;

-- core/functions/score_record.sql
-- plpgsql, because only it takes a record: rows of subqueries, common table expressions, row(), views, other tables.
create function pgscore.score(model text, profile record) returns double precision
language plpgsql stable parallel restricted
set search_path = ''
as $$
begin
    return pgscore.score(model, to_jsonb(profile));
end
$$;

comment on function pgscore.score(text, record) is
    'The score that a model''s serving version gives for any row that has the model''s inputs as columns';
grant execute on function pgscore.score(text, record) to pgscore_reader;

select pgscore._generate_dispatch();

-- core/functions/predict_record.sql
create function pgscore.predict(model text, profile record) returns jsonb
language plpgsql stable parallel restricted
set search_path = ''
as $$
begin
    return pgscore.predict(model, to_jsonb(profile));
end
$$;

comment on function pgscore.predict(text, record) is
    'What a model''s serving version says of any row that has its inputs as columns: label and class probabilities, or value';
grant execute on function pgscore.predict(text, record) to pgscore_reader;

-- core/functions/_prove.sql
create function pgscore._prove(model text, version integer) returns void
language plpgsql stable
set search_path = ''
as $$
declare
    worst record;
begin
    if exists (
        select from pgscore.retirement r
        where r.model = _prove.model and r.version = _prove.version and r.pruned_at is not null
    ) then
        raise exception 'model "%" version % was pruned: its artifact is gone', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Publish the same file again to bring it back.';
    end if;
    select d.* into worst
    from pgscore._golden_differences(_prove.model, _prove.version) d
    where not d.ok
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

comment on function pgscore._prove(text, integer) is
    'Replays the golden rows of a version in each of its engines; refused where one differs, with the worst row';

-- core/functions/_serve.sql
create function pgscore._serve(model text, version integer) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    bound regclass;
begin
    update pgscore.model m set serving = _serve.version where m.name = _serve.model;
    perform pgscore._generate_model(model);
    perform pgscore._generate_dispatch();
    for bound in select p.profile from pgscore.model_profile p where p.model = _serve.model loop
        perform pgscore._generate_dispatch(bound);
    end loop;
end
$$;

comment on function pgscore._serve(text, integer) is
    'Has a version answer: replaces the functions that name it. Callers hold the lock on generated functions';

-- core/functions/_rollback_target.sql
create function pgscore._rollback_target(model text) returns integer
language sql stable
set search_path = ''
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

-- core/functions/promote.sql
create function pgscore.promote(model text, version integer) returns void
language plpgsql volatile security definer
set search_path = ''
set lock_timeout = '5s'
as $$
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    perform pgscore._lock_generated();
    if exists (select from pgscore.retirement r where r.model = promote.model and r.version = promote.version) then
        raise exception 'model "%" version % is retired', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('`pgscore retire %s %s --undo` takes that back.', model, version);
    end if;
    perform pgscore._prove(model, version);
    if version is distinct from (select m.serving from pgscore.model m where m.name = promote.model) then
        insert into pgscore.promotion (model, version) values (promote.model, promote.version);
    end if;
    perform pgscore._serve(model, version);
end
$$;

comment on function pgscore.promote(text, integer) is
    'Makes a version the one that answers, from the commit of this transaction on, after replaying its golden rows';
grant execute on function pgscore.promote(text, integer) to pgscore_operator;

-- core/functions/rollback.sql
create function pgscore.rollback(model text) returns integer
language plpgsql volatile security definer
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    target integer;
begin
    perform pgscore._existing_version(model, null);
    perform pgscore._lock_generated();
    target := pgscore._rollback_target(model);
    if target is null then
        raise exception 'model "%" has no version to go back to', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Only promotions can be taken back; `pgscore show` lists the versions that can be promoted.';
    end if;
    perform pgscore._prove(model, target);
    update pgscore.promotion p
    set rolled_back_at = now(), rolled_back_by = session_user
    where p.model = rollback.model and p.rolled_back_at is null
        and p.id > (
            select max(t.id) from pgscore.promotion t
            where t.model = rollback.model and t.version = target and t.rolled_back_at is null
        );
    -- It answers again, whatever was thought of it meanwhile.
    delete from pgscore.retirement r where r.model = rollback.model and r.version = target;
    perform pgscore._serve(model, target);
    return target;
end
$$;

comment on function pgscore.rollback(text) is
    'Takes the latest promotion back: the version that answered before does again, from the commit of this transaction on';
grant execute on function pgscore.rollback(text) to pgscore_operator;

-- core/functions/retire.sql
create function pgscore.retire(model text, version integer, undo boolean default false) returns void
language plpgsql volatile security definer
set search_path = ''
set lock_timeout = '5s'
as $$
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    -- No promotion may come between.
    perform pgscore._lock_generated();
    if undo then
        delete from pgscore.retirement r
        where r.model = retire.model and r.version = retire.version and r.pruned_at is null;
        if not found and exists (
            select from pgscore.retirement r where r.model = retire.model and r.version = retire.version
        ) then
            raise exception 'model "%" version % was pruned: its artifact is gone', model, version
                using errcode = 'object_not_in_prerequisite_state',
                      hint = 'Publish the same file again to bring it back.';
        end if;
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

-- core/functions/prune.sql
create function pgscore.prune(
    model text, older_than interval default '0', keep integer default 0, dry_run boolean default false
) returns table (version integer, bytes bigint)
language plpgsql volatile security definer
set search_path = ''
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
    perform pgscore._lock_generated();
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
set search_path = ''
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

-- core/functions/_apply_queue.sql
create function pgscore._apply_queue() returns trigger
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    work record;
    keys text[];
    scores double precision[];
    serving integer;
    reasons text[];
    refused integer;
begin
    -- It fires for each queued row; the first call takes all rows of the transaction, the others find none.
    for work in
        with taken as (
            delete from pgscore.queue q where q.transaction = pg_current_xact_id() returning q.*
        )
        select
            b.name, b.model, b.on_error, b.log, b.apply_schema, b.apply_function,
            array_agg(f.key) as keys, array_agg(f.delta) as deltas
        from (
            select t.binding, q.key, sum(q.delta)::bigint as delta
            from taken t, unnest(t.keys, t.deltas) as q (key, delta)
            group by t.binding, q.key
        ) f
        join pgscore.binding b on b.name = f.binding
        group by b.name
        order by b.profile, b.name
    loop
        execute format(
            'select array_agg(a.key), array_agg(a.score), max(a.version), array_agg(a.reason) from %I.%I($1, $2) a',
            work.apply_schema, work.apply_function
        )
        into keys, scores, serving, reasons
        using work.keys, work.deltas;

        if serving is null and num_nulls(variadic reasons) = cardinality(reasons) then
            continue;  -- nothing is promoted yet
        end if;
        refused := num_nonnulls(variadic reasons);
        if refused > 0 and work.on_error = 'abort' then
            raise exception 'model "%" could not score % of % rows for %: %',
                work.model, refused, cardinality(keys), work.name, (select min(r) from unnest(reasons) r)
                using errcode = 'data_exception',
                      hint = 'The binding''s on_error is abort; with keep the row would be stored and listed stale.';
        end if;
        delete from pgscore.stale s
        using unnest(keys, reasons) as a (key, reason)
        where s.binding = work.name and s.key = a.key and a.reason is null;
        if refused > 0 then
            insert into pgscore.stale as s (binding, key, reason)
            select work.name, a.key, a.reason
            from unnest(keys, reasons) as a (key, reason)
            where a.reason is not null
            on conflict on constraint stale_pkey do update set reason = excluded.reason;
        end if;
        if work.log and serving is not null then
            insert into pgscore.prediction_log (model, version, binding, key, score)
            select work.model, serving, work.name, a.key, a.score
            from unnest(keys, scores, reasons) as a (key, score, reason)
            where a.reason is null;
        end if;
    end loop;
    return null;
end
$$;

comment on function pgscore._apply_queue() is
    'At commit: moves counters and stores scores for all bindings that the transaction touched, keeps log and stale rows';

-- Events are queued already folded, a row for each statement, so this fires once for a statement of any size.
create constraint trigger apply after insert on pgscore.queue
    deferrable initially deferred
    for each row execute function pgscore._apply_queue();

comment on trigger apply on pgscore.queue is 'Runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE';

-- core/become_oneself.sql
reset role;
