"""A private PostgreSQL for the examples, the tests and the benchmarks. It is not part of what is installed."""
