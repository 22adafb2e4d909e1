"""What to do and what to check, as a person writes it."""
