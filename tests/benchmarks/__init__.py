"""Benchmarks, one command each: `python -m tests.benchmarks.NAME` (README.md beside this says what they show)."""
