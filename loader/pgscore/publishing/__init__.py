"""Publishing: artifacts, golden rows, and what asking a fitted estimator tells."""
