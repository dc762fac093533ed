"""Tests of parity: every engine in the database gives what scikit-learn gives, for any row, and raises for none."""
