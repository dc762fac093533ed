"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "334264974a75417f85f72740214592968b58ff7253a8e95d1cdc6b37ba2d69ed")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "1642567b1b61000a0e48ba25a5d5c3775dc083950282225dad43d395c095c3b5")
