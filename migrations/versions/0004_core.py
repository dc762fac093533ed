"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "19525578037e369a8d7af749c276f81b33d7140a3383263fa4fedbbfa61c1e62")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "34d6bd602a0de9f13cb01aa3b37d17a1456641425f78fe0ccb19f726b495ffb2")
