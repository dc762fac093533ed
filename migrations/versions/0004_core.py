"""Scores that change are told: notifications, and an outbox."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "2fcc5a8a0042d292ba8a6fd9cb37218f4ab76fe57f3313a3e73690bddf631086")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "be2a142f044f813bca56cb75ffbcabadd504fb7a4072ad9e11da2895e9f77bd2")
