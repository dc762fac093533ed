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
