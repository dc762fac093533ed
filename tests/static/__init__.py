"""Static checks of all SQL: the tree, the migrations, and what stands in a database; exceptions.toml holds reasons."""
