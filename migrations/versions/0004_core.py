"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "bb2ebd1fd83699f2e184ff7a810e971eba0356d1a44493bbf9c75d51d4fce507")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "3d5892b6586a7362b05e274f243119d7fd077b2b35a0965a5f13d863269e4b09")
