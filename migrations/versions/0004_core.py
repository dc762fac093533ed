"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "4b9b91f241b2bf8b4b280d866a71659cf542ec65c5c0752563b481ff4eca3afa")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "40915dcc71bc9b0c33d0b54bed79bd8515d7221f5894f50b1e26e86deb0a420c")
