"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "2b94154d5dd3c8cdf0cf33b0a4dd5a3fa4f8848d77b17e22e3307306c2f8822f")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "1d033358536f9a2cff94a58efbb9df96ed744c89e76bd94a9e4f77f45f1016b4")
