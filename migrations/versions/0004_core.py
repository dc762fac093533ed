"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "d8512795c1985e91c11458336e2de07e9a5068c50a024184659f29f8df7bd35a")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "e8809b3ce1f7621f5100125125e5f152721e361ad31631269c5d101e26a3b740")
