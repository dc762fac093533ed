"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "45ce0581d63552bb8bac93998fa8ce09fcc8b0d841831c3e3db57254b0a5daa4")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "3002b1c323b4829d830efe2cdf9e3c44ab04763d69efd14495848ea1c76eb222")
