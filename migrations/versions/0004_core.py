"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "64a9c74abd47238ae6d233ff3fc17e372b077f889a2325321b1f4b6356388f5a")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "db689c46be07ae8d05930e3bbdbda9ef2e3a20a1cf3e5514729e8ef67430875e")
