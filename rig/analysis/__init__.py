"""Start-up, trumpet, windows and boluses."""
