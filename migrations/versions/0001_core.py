"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "09c63c10fc45269b4b509dd0b98f30917ea2b16d0d5e690a39ef4d54afe6d535")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "5a8de95b151a3b86524948cad2a4313648219e2b969b943d5ccb9a55f4550b19")
