"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "4772a712f02c71039d120ca8b3b1da7ab204e9c5ba518ac51691ab76b8f10704")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "7292c3c584293dd6399a3129b3cc15a2b0c01bbfb8ca2e335d665815aff4f8de")
