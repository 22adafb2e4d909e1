"""Links: the one place that waits."""
