"""The Debian package under a real systemd. `make deb-test` runs these; they need root and take a minute or two."""
