"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "99a3d60d279b1d394b5e3a8a1977419f70282658ec1dd2c3d3bef1e091756d38")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "5bb09eb002d1408b1a432bcb7aa5bd303be123d43357c65b23166795d7a936f8")
