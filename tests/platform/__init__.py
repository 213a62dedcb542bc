"""The tax side for the tests: a small platform that refuses what the real one would, with its codes."""
