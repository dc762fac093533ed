"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "6b52e67ea5f1a3f08873c9275178b09a2a77502250189c5dcbd1211e8603c1e3")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "f41925c75fe644041e13632a5699010248a80f465778e015b4b27628c2dd1bf6")
