"""Coverage-guided fuzzing of everything that reads bytes of a device or a file of a person (docs/reference/fuzzing.md)."""
