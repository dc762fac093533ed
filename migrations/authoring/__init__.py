"""Writing migrations, in a checkout: freezing the SQL tree, drafting a revision, releasing."""
