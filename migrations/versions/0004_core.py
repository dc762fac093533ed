"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "9f20ffd22011bc36c72afeb08448427631b9736d1d92b4299e6dc2bb89c08d60")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "ccb8a4347a9179bb22db62d90b367bf0a4aa1cac78a3208f18c333d8260a82aa")
