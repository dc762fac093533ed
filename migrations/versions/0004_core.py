"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "0d17cdfe96ec71d721f8eb87e1ebd89a3bac7f4fe5361f55bb42608ce9243548")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "1fdc70b0f918eaea41b566d52cffee1cde217a74b43c5b41cd0b89fbf637d1cd")
