"""The reference application: churn.customer_profile, churn.complaints, their binding."""

from migrations.executor import run_frozen

revision = "0003_churn"
down_revision = None
branch_labels = ("churn",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0003_churn.up.sql", "6fba65409c00eecd404f7ec3cdf83261962e173ef4caa47dd74a8f45ca2e5e1c")


def downgrade() -> None:
    run_frozen("0003_churn.down.sql", "97f8df09cdc261ea8952592f95a9c9441c843f425b3e281fe3a5953be8d73626")
