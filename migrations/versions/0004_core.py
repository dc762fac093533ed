"""Scores that change are told: notifications, and an outbox."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "b2b8f5eff50c4c3f72b7ba31f025af9b20464149db39e81c3256216d9cb22747")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "4a8a50351db395ac3ed3de0d29302b36fc6c9b67a5b9f731c5701abf09f82c1e")
