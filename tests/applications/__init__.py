"""Applications that know nothing of pgscore, through what stands between them and the database."""
