"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "c20b3e9f0903f2e5d6dd3da363a31661d6ef3b5bd740691de10ea9eded409081")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "2c696c512328630fc9b4df5d40c8e17fc6e3ade4a66633e29a9ab51dc18a9348")
