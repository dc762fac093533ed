"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "3749cce0adc1d29ef73a7a6fb3c9661c321a0abd11e32315544fbdfd2e36eccb")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "db689c46be07ae8d05930e3bbdbda9ef2e3a20a1cf3e5514729e8ef67430875e")
