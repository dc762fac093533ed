"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "e112a56b16ada5cab2b27b819bb6c6f458777b49ed27de4957ac523c4f0e870b")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "f87a3c445fef05a94d5419b278fb1bb62f4ec2efe0e0d21b2521e50dc1c8669f")
