"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "c48ad2b392aed0cc7ccdd84a6abc0bb75e40550b1308d00a23745d8669ea0993")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "013120b56ad4bb8201150092754220aa5b709ce5aa34149a6362634fdda1a99f")
