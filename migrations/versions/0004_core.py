"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "95c075990041fc0a28062967968ecaf77f1e070e9906b6061ac41982a0bb4feb")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "d0f897b6097ebaf4c474e4890c263d9eb54fa598933086a5a55cb649b391e649")
