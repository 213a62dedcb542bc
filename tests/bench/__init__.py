"""Benchmarks: figures against a bare floor in the same run. `make bench` prints them and writes build/bench.json."""
