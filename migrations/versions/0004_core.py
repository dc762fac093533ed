"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "e8b6bf1037fb3f8191525db1256c24de742c65dc159986d0958ea2c61f076395")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "92b139428a55d3d6539429e78f54201e13cd85854cabde817bbb316049ddd29d")
