"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "b72efecefb5205404d0bf3001fbc8c37565b32f8c46450f2fd2a511387d5c2b6")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "0328dca15298eada7d8c633e3135c339ad6b6d6be92bef28ad25394f30af9e78")
