"""Files of other tools, and what those tools predict."""
