"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "16c2acc99cc3d61123c6ad2464e90884c015d1e5b8c198055bcfe1a932e65e55")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "f3922bb171db525f07940581fcfe581bc4c67ff711d5dea3fe8860c9c00ba2f2")
