"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "28411ad4242a029ccee73db944cc86bc47ed1575eb0a90d1bc2635b777e69c99")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "ccb8a4347a9179bb22db62d90b367bf0a4aa1cac78a3208f18c333d8260a82aa")
