"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "d5e5085075719cd501b8bd2b85f56130c8d9e9a58fdd30f787ab0e777d7d5798")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "67bc759bfbbd96a4da1bf3b4d5969137c720afadce78f4d5e2e10a9225b2c391")
