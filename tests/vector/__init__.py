"""Programs and models evaluated outside of the database."""
