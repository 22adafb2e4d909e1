"""Simulated sensors of the air around the balance; each written from the reference page alone."""
