"""The seam of the USB stick: strangers' bytes come in as closed batches, and nothing else of the stick is ever touched.

    udev      tells which sticks are there (the mounting is a unit's job, with rights that the daemon does not have)
    collect   copies what may be a track file, under limits, to a folder of the inbox that appears all at once
    folder    a folder that plays the stick: on a desk, in tests, and for a share that the shop's computer writes to

A batch is a sub-folder of the inbox with the files `0001`, `0002` … and `batch.json`, which tells their names on the
stick, sizes and SHA-256, and what was left out and why. Whoever takes a batch from the inbox checks it with
`read_batch` and `read_file` of `collect`, since the collector runs as another user.
"""
