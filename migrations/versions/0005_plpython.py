"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "177d5887e87b9eb8e59d8bb1c7d2b687dcf2194977fc2dfccea89e21d47bcd3a")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "9bf3a6f141661489757b8d94fcdd63bf9f399d20fd531c0212db68df5d72e7f2")
