"""Readers of scikit-learn's estimators, one module for each family, with a table of what it reads."""
