"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "c13c8ad171a5038e8eea30a6ee0a68ec65891d0a9e1bc4a327709231d9acba1d")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "5603b8c5baff63229e878e95fed2cc9ced7a104b969094aa67356a9429f7825f")
