"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "8fe8d4d896e3368192b478a7fe51f4225d80507fde69a0ba5c7779cebdbfa267")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "c519f444e461f4b993738f152233d57b7c3bee93068ba31b4e305a643d227e4e")
