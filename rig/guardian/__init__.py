"""The process that makes the bench safe when the runner cannot (design 4.6)."""
