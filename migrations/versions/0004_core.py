"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "b9f6d0d65683e56fb54ff66c50adb3506acdea9bcd43f84d5d3fa0bef1bb026a")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "92b139428a55d3d6539429e78f54201e13cd85854cabde817bbb316049ddd29d")
