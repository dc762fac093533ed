"""Programs of one scikit-learn in a server that has another: a lane of its own, `make test-sklearn`."""
