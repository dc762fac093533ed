"""The reference application: churn.customer_profile, churn.complaints, their binding."""

from migrations.executor import run_frozen

revision = "0003_churn"
down_revision = None
branch_labels = ("churn",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0003_churn.up.sql", "eabdf88e656f1e0f9afa55e7ab21bc4b0073716109b05947dd4b0b49f289c019")


def downgrade() -> None:
    run_frozen("0003_churn.down.sql", "f45e3101b958da2cbc5b1a18594853d1c9ac6694ea4db4f03154e8db25cdfc83")
