"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "14f16a32fc37438dd14497e232b6d279627fd0c47d4b841efd1f6b64e47b85f3")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "b24a61d423ea60b821fa78d487f68f7a7865f38613a5561573808b259ed85f6a")
