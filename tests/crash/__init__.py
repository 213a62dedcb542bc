"""Crashes: every disk that a power cut could leave of the real journal, and kill -9 at every step of the real daemon.

`shim.c` and `record` write down each write, sync and change of a name that a scripted `life` of the journal does;
`disk` makes from that record the disks of a cut at any point; `check` opens each one as the daemon would and compares
it with what was acknowledged; `cuts` does it thousands of times. `kills` and `stepper` kill the daemon under clients.
`make crash` runs all of it; the tests here run a sample, and prove that the rig notices what it is there to notice.
"""
