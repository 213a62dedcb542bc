"""Bytes, pins and devices: what the box touches, and nothing of the law.

One package per seam: `printer`, `lamps`, `stick`, `clock`; the module `board` tells which board and disk this is. Each
package's `__init__` says what an implementation must do; the real ones and the virtual one stand beside each other, so
that a new way to print or to signal is one new file.
"""
