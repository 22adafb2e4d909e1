"""The simulated pump: its therapy, its history, its radio, and the stick in front of it."""
