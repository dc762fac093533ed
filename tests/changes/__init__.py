"""What bindings tell of scores that change."""
