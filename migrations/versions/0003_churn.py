"""The reference application: churn.customer_profile, churn.complaints, their binding."""

from migrations.executor import run_frozen

revision = "0003_churn"
down_revision = None
branch_labels = ("churn",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0003_churn.up.sql", "78b5acddd53a8e14bf168b3169f06497fcc998fc37471963dad00663e4b219b7")


def downgrade() -> None:
    run_frozen("0003_churn.down.sql", "662e5f61e63531b93e306fc059432448ec3354237d18d71af018fae95e36b683")
