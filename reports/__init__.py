"""Report rendering: reads results, computes nothing."""
