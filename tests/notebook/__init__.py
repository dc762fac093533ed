"""The magics of notebooks."""
