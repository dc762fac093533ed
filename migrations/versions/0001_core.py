"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "302f2bce6760fc70b39f2a0921419b54b4efbbf979ae6c2a8004256f8e98a94c")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "f87a3c445fef05a94d5419b278fb1bb62f4ec2efe0e0d21b2521e50dc1c8669f")
