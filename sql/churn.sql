-- The reference application, on real data: customers, their complaints, and the binding between them.
\ir churn/owner.sql
\ir churn/schema.sql
\ir churn/customer_profile.sql
\ir churn/complaints.sql
\ir churn/binding.sql
\ir churn/become_oneself.sql
