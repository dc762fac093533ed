-- As the owner, who is refused nothing: a superuser is, for tables of another role.
set role churn_owner;
do $$
begin
    if exists (select from churn.customer_profile) and 'customers' <> all (regexp_split_to_array(coalesce(current_setting('pgscore.lose', true), ''), '[, ]+')) then
        raise exception 'the reference application has customers, who would be lost'
            using errcode = 'dependent_objects_still_exist', hint = 'alembic -x lose=customers takes them away.';
    end if;
end
$$;
select pgscore.detach('churn.complaints', 'churn.customer_profile');
reset role;
delete from pgscore.model_profile where profile = 'churn.customer_profile'::regclass;
-- With it go the functions that pgscore generated for the profile's row type.
drop schema churn cascade;
