"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from pgscore._migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "66e2eb7b432e684299e8730aa0d3cd4c748c4d48325623bdd9ae64106c11e313")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "1c658cc383f0f9974c4ecc6929c32775c0a13efbdb927a2a35f64b160b22210a")
