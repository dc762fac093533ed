"""What readers compute with: columns as functions of inputs, what is accepted of an input, tests folded to inputs."""
