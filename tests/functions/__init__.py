"""Functions of three clouds, each called with what its platform hands over."""
