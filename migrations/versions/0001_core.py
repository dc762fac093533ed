"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "e99b7bf8b6b32fcf949a98382a5576a898a0c979b0a79e26ba3465b58bc7f063")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "6698e7f9166a141d76d8470161c01f41c92ef6a812fc5a888717e99bb2d6f626")
