"""What the doctor finds, and that its remedies work."""
