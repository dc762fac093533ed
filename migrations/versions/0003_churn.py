"""The reference application: churn.customer_profile, churn.complaints, their binding."""

from migrations.executor import run_frozen

revision = "0003_churn"
down_revision = None
branch_labels = ("churn",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0003_churn.up.sql", "aa82f34bc92a8611523db01329a1847d8d4ad692ba22a33f41f4654ed3403a57")


def downgrade() -> None:
    run_frozen("0003_churn.down.sql", "50065a74febba5feed49c2ab7b36c7c3a0d14d77f31d927d41d806f6a06ed75d")
