"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "1e3daf66a96be3be1911b4cc4b2536acc537cf677dc1bfce023c5bf0f3b806de")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "f3b73e33870a07c4af1e91cec896a7c60f093e6d0ac3e8ae5c323ad6dfb695fd")
