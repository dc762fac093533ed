"""Scores that change are told: notifications, and an outbox."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "3342cbe70fd05b1ddccc84df7392a2f17858e0d768403a67bfdd81709545d634")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "be2a142f044f813bca56cb75ffbcabadd504fb7a4072ad9e11da2895e9f77bd2")
