"""The seeded-fault matrix: how small a fault the rig finds, by which check, and how often it cries wolf (issue 7)."""
