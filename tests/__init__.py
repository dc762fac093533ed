"""The tests of pgscore."""
