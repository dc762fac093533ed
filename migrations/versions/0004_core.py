"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "0d9c754fbd77666d4955df155ce1ef4802952521e45d249413fc9195743f70a4")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "15365328b9ed187f4e6fb69768f052107a78480b6d8554543a841fcc6ca0d9af")
