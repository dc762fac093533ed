"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "8f75a914f78b7483cdfd98971d6e58db20766357d332e2002ee161567390a588")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "9bf3a6f141661489757b8d94fcdd63bf9f399d20fd531c0212db68df5d72e7f2")
