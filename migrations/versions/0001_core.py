"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "8a5fd79966252c7804c7d12f44fd7dca0e50408fe2a5aff1e4ca81e2baf5bd46")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "f87a3c445fef05a94d5419b278fb1bb62f4ec2efe0e0d21b2521e50dc1c8669f")
