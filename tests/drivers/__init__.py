"""Tests of the drivers: transcripts, and conformance suites for every role."""
