"""Mass to volume, with its uncertainty."""
