-- Made by the former release, as 0003_churn attached it; or detached since, and then it stays so.
set role churn_owner;
select pgscore.reattach(b.events, b.profile)
from pgscore.binding b
where b.events = to_regclass('churn.complaints') and b.profile = to_regclass('churn.customer_profile');
reset role;
