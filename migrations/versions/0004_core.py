"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "b0cae2aef5725e319089134d47824c97007162cd0e56dd873bff608f719c5b7b")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "ac6d25b5419d34aebbf68c4592242c8f3a3e651f3253ee980d6cc62d359b2ac3")
