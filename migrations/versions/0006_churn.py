"""The reference application's binding, generated anew by 0.2.0."""

from pgscore._migrations.executor import run_frozen

revision = "0006_churn"
down_revision = "0003_churn"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0006_churn.up.sql", "3da63b806fbaf67817a99e9fa6f9770ef7225a791ed85d70fcec37ed25e500db")


def downgrade() -> None:
    run_frozen("0006_churn.down.sql", "7216916bb5bb18faaab55ce25454e7318bf78374f24d6a6cf0af175e23519e09")
