"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "fc7d506f3c0de1412eef5c14047e5ec1d178454829ccb3d552b169f25ad359f8")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "2c696c512328630fc9b4df5d40c8e17fc6e3ade4a66633e29a9ab51dc18a9348")
