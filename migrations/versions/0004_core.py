"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "964236d8f5005c0904f7c871c281f1a7090dd247cd566b99b25d4be4dc91176e")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "e8809b3ce1f7621f5100125125e5f152721e361ad31631269c5d101e26a3b740")
