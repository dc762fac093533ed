"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "0dc3c16d95bbe754de79cf5d0b32a3eb4e299c038c4f98874edc1b1d8793f4c1")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "5a8de95b151a3b86524948cad2a4313648219e2b969b943d5ccb9a55f4550b19")
