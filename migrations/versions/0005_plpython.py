"""0.2.0: whole arrays as one value in binary."""

from pgscore._migrations.executor import run_frozen

revision = "0005_plpython"
down_revision = "0002_plpython"
branch_labels = None
depends_on = "0004_core"


def upgrade() -> None:
    run_frozen("0005_plpython.up.sql", "7cc850945067f2b080e9ba5877c9f3d295ab85e06663b3d4b30401b1b402904b")


def downgrade() -> None:
    run_frozen("0005_plpython.down.sql", "7611c3899a5d1e68fb618986c0127880f2bb2f1b0aaed764b493df14435e3f1f")
