"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "948cd998cef0265a0f68d97beb49a5b2881a16da4a09e9a61905da8fde1b4c3a")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "5a8de95b151a3b86524948cad2a4313648219e2b969b943d5ccb9a55f4550b19")
