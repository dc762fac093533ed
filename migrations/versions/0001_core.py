"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "f486b6fd51d27662edcab06cfe8261ae53ee77994a514c1478715426f1d9026b")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "5a8de95b151a3b86524948cad2a4313648219e2b969b943d5ccb9a55f4550b19")
