"""The reference application: churn.customer_profile, churn.complaints, their binding."""

from pgscore._migrations.executor import run_frozen

revision = "0003_churn"
down_revision = None
branch_labels = ("churn",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0003_churn.up.sql", "c37540f3afaca4d46c7a04aa6702806d5078236a9b82d2b45cb8f9f773fc7989")


def downgrade() -> None:
    run_frozen("0003_churn.down.sql", "b9029fd35be2c2ad3e03e72955649db3ecc9f378ac18a8b90132c1ca5c6886a2")
