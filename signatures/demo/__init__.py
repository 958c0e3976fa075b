"""Invented supporters for the demo, the tests and the benchmarks."""
