"""The reference application: churn.customer_profile, churn.complaints, their binding."""

from migrations.executor import run_frozen

revision = "0003_churn"
down_revision = None
branch_labels = ("churn",)
depends_on = "0001_core"


def upgrade() -> None:
    run_frozen("0003_churn.up.sql", "c37540f3afaca4d46c7a04aa6702806d5078236a9b82d2b45cb8f9f773fc7989")


def downgrade() -> None:
    run_frozen("0003_churn.down.sql", "662e5f61e63531b93e306fc059432448ec3354237d18d71af018fae95e36b683")
