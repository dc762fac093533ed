"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "bd978cbcf93bbc21a3b47c56c4eb3eee43d28fe10dea0464e6186f7a4830f32b")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "d55d7bf70235dc9945addd081baa79a3f65b485991037f2eed941a006dba607b")
