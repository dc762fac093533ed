"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "f68f14bba918da7b6c144b586b21e7d93005b2f24e064a6e1de47d0df0a03825")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "cb88a4f4ceff54ddf79816685a868db8c6288a350e05cb041a7a8bba880a3bfb")
