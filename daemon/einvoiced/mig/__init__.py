"""MIG 4.1: values to the platform's XML and back from its answers. Bytes only: no files but its own schemas."""
