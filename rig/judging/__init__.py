"""From a stored run to its result."""
