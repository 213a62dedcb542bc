"""A virtual box: a real kernel, systemd, udev, USB, pins and a plug to pull. See docs/box.md; run by `make box`."""
