"""What it changes, in a line."""

from pgscore._migrations.executor import run_frozen

revision = "0004_core"
down_revision = "0001_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_frozen("0004_core.up.sql", "67416f8e71f3f947b44f0b92d43d6f7daf2e9505afbeb8206c7837982f08442d")


def downgrade() -> None:
    run_frozen("0004_core.down.sql", "474dd96549afd8d1d2e0c5af4849825faf138f2c841728d2e471d1f3891749ca")
