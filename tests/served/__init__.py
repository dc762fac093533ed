"""Which versions answer, followed outside of the database."""
