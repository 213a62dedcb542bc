"""The law: values and pure functions. No I/O, no clock, no randomness; knows nobody but `errors`."""
