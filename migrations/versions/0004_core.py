"""0.2.0: rescoring, comparing, score_rows, exports, changes; the prediction log by partitions."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "e595e1f216c3afe3fa9568ffb595f61720dc832bb8afd57401156bc619c2059b")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "dadbbc592b99568ffa1d87f9b4b3ab2eb9ad77a049b60843c1e231fd93006d3b")
