"""Scores that change are told: notifications, and an outbox."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "b2b8f5eff50c4c3f72b7ba31f025af9b20464149db39e81c3256216d9cb22747")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "fe84af5dff4344880bea03eacb5cc0ac38975ee4624523227860861658671115")
