create table pgscore_trusted.trusted_key (
    key_id text generated always as (left(encode(sha256(public_key), 'hex'), 16)) stored primary key,
    public_key bytea not null,
    holder text not null,
    trusted_at timestamptz not null default now(),
    trusted_by name not null default session_user,
    revoked_at timestamptz,
    constraint public_key_is_ed25519 check (octet_length(public_key) = 32)
);

comment on table pgscore_trusted.trusted_key is 'Whose artifacts this server unpickles, which lets their holders run code as its user';
comment on column pgscore_trusted.trusted_key.key_id is 'First 16 digits of the public key''s sha256';
comment on column pgscore_trusted.trusted_key.public_key is 'Raw Ed25519 public key';
comment on column pgscore_trusted.trusted_key.holder is 'Who holds the private key';
comment on column pgscore_trusted.trusted_key.trusted_at is 'Since when it is trusted';
comment on column pgscore_trusted.trusted_key.trusted_by is 'The login role that trusted it';
comment on column pgscore_trusted.trusted_key.revoked_at is 'When it was revoked: from then on nothing it signed is loaded';
grant select on pgscore_trusted.trusted_key to pgscore_owner, pgscore_publisher, pgscore_operator;
