"""The writer of PMML 4.4."""
