"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "b57b0b7fff9efb347d78f7388eff8d3423463d452c863d8bfcc833e588d31561")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "74cb9dbbd352cbb4127bfa2d166404aefd27dd98aa09124bee211920dacf5633")
