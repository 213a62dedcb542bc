"""Followers read the journal and do one thing in the world. Paper lives in the daemon, all others in processes."""
