"""Benchmarks: what is timed, and never inside a test."""
