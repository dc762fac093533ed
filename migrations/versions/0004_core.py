"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "44b0dc1d1e7f1b939fc37656340b7ef0408aac8daf49b78f1524470f62401bd7")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "61459cb442396290174376a4f61fbf4da8e91306c7852cde9ad47d7cc44abd68")
