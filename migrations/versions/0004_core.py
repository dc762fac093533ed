"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "ad7ade0fca5212912dade4968502a46c78f15bc618989a959d5170e6cd76bc73")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "f6215022589d3d7525ebf84dc18f890b5038009207cce3f1179c6fb4444b0d18")
