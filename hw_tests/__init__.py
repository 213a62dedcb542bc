"""hw-tests: what a technician runs on the box."""
