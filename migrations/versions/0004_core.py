"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "583baefdf09a3e5715382d2b7e7dbcbbd4e1ca5455bde06a7ba7c8d5c71caf60")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "739635fdc325a4d69d77ce88640b16d075286ca4550dd6f4e0cbd8e192106892")
