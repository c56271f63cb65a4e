"""Benchmarks: each module measures one thing in one run and prints its table; `python -m benchmarks` runs them all."""
