"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "36862a35e1c87e8b2663cace7249890de6afbb43ba93bfe15a62772f0e948b39")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "4adbd4d870c66f06f640f4d8e75ec449de9639ed091002599b039a67130f2ef4")
