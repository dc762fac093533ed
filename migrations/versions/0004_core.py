"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "c603fe93cf8b607e2b1f35dfd97067af65e7db6b38dbb1e34f97815355ff66b5")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "bea1b4ecc1f38da90ddca8bb714903820b3cd1c48fee890b9ea2bfcaad567699")
