"""Nobody's code runs with anybody else's rights, and nothing of a session changes a score."""
