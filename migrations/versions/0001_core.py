"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "1329162aee7babe9f16fc6dc170eb3666b8f95399f4a19dde96c336a93ec81b9")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "5a8de95b151a3b86524948cad2a4313648219e2b969b943d5ccb9a55f4550b19")
