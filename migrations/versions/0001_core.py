"""Tables, roles, SQL engine: needs no superuser and no PL/Python."""

from migrations.executor import run_frozen

revision = "0001_core"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    run_frozen("0001_core.up.sql", "cc7c02c246914dfb8636eb918719b987da3c2082a5a6b33f4d4bbc8a2f88684e")


def downgrade() -> None:
    run_frozen("0001_core.down.sql", "f87a3c445fef05a94d5419b278fb1bb62f4ec2efe0e0d21b2521e50dc1c8669f")
