"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "a9711f3f6e329e9fba704edce889079dd67ba7e6bfee3d50ceb5b80448303615")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "1b2e1dc757f5b21d50d45da08df54a268384d65c8e25ebde1289f8d29fee89ee")
