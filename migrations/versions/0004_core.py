"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "040c1a0ea12eaf54a4f6d0b3b0a2eddeca5986f3055e29969d79b2a9ba9c8202")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "2636c38f661adc4f98d087c7864972b16b591e520a2131822fe9c0bb477d6c63")
