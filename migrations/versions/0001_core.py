"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "611b26c8acb3987ca68eeff6d2cd51ad9bd03dca709bb205ee4ea2556536e32b")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "f87a3c445fef05a94d5419b278fb1bb62f4ec2efe0e0d21b2521e50dc1c8669f")
