"""Coverage-guided fuzzing of whatever reads bytes of a device or a file of a person (docs/reference/fuzzing.md)."""
