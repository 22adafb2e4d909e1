"""One module per instrument family."""
