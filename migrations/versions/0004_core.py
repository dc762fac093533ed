"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "118307b0f0694491c99c59ba199342ae40f6d7ddc7a077d1cce1f7f998a4d95a")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "b24a61d423ea60b821fa78d487f68f7a7865f38613a5561573808b259ed85f6a")
