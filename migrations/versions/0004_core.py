"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "70b0553d33ab6bf77251c10eb49dfeb5a82fcc785de447d6106567af040a4107")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "57c528005f52366a2db76236e6d2794cb60e564979ee620ad69a6e9eb5ecacd7")
