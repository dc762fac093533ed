"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "5626dcc7b4eddcff35420524847921adb69e3c6f399cfd359d30780fd4810b10")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "9bf3a6f141661489757b8d94fcdd63bf9f399d20fd531c0212db68df5d72e7f2")
