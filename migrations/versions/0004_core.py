"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "c60827076323d78db3e55582a82b8ebf2394d09fd8dac6d9114afdfe29dbdafa")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "1642567b1b61000a0e48ba25a5d5c3775dc083950282225dad43d395c095c3b5")
