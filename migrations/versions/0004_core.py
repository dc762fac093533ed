"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "491b9296bf7208a621a84b66fc6392d69b77e4bb11a33c6b989832de6469b6a0")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "b9449130510a042142754468a7f865923a49fba60e4beb4d1f47d3cfc628e855")
