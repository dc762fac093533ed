"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "d7184c972a8d03094f51784365cfff14472c9b30d110634ac1b66fa8876c7e88")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "6698e7f9166a141d76d8470161c01f41c92ef6a812fc5a888717e99bb2d6f626")
