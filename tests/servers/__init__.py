"""The same journey on each PostgreSQL that pgscore supports: `make test-servers`."""
