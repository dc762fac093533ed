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
