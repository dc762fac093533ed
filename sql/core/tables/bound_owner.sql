create table pgscore.bound_owner (
    owner regrole primary key
);

comment on table pgscore.bound_owner is 'Owners of attached tables: attach and detach lock the row of theirs, so that one after the other finds all tables of an owner, and nobody waits for another owner';
comment on column pgscore.bound_owner.owner is 'The role';

grant select, insert on pgscore.bound_owner to pgscore_reader;
-- To lock a row takes this privilege, and there is nothing in it to change.
grant update (owner) on pgscore.bound_owner to pgscore_reader;
alter table pgscore.bound_owner enable row level security;
create policy own_row on pgscore.bound_owner
    using (pg_has_role(current_user, owner::oid, 'usage'));

comment on policy own_row on pgscore.bound_owner is 'Owners, and members of them, see and lock their own row';
