"""The reference application: churn.customer_profile, churn.complaints, their binding."""

from pgscore._migrations.executor import run_frozen

revision = "0003_churn"
down_revision = None
branch_labels = ("churn",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0003_churn.up.sql", "78b5acddd53a8e14bf168b3169f06497fcc998fc37471963dad00663e4b219b7")


def downgrade() -> None:
    run_frozen("0003_churn.down.sql", "b9029fd35be2c2ad3e03e72955649db3ecc9f378ac18a8b90132c1ca5c6886a2")
