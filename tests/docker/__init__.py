"""What docker/ builds and starts, without a container engine: its scripts and commands, on the same base."""
