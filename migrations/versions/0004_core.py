"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "00d70f28fb8ea87c4e8f9ccd254f91cdd1e6b56634be53008c1d39cee9e6d3ec")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "74cb9dbbd352cbb4127bfa2d166404aefd27dd98aa09124bee211920dacf5633")
