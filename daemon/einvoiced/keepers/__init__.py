"""What the daemon keeps right by itself, beside requests: one module for each thing that is kept.

    journal      opened and proven, compared with its witnesses, written, closed; with it:
    ceilings     the numbers that the witnesses know of
    periods      closed when they are over, their unused numbers reported
    due          what is due, at hand for the status
    clock        jumps of the system's clock
    config       the configuration of the running box, and what may change meanwhile
    inbox        the batches that a stick left
    paper        the printer: its thread, drawing, and what requests want of it
    slip_lines   a till's slip → a document
    boot_slip    the status on paper after a start
    daily_slip   what is due, on paper, once a day
    lending      the printer, lent to a technician's test
    lamps        the three lamps
    finder       the process that answers questions about invoices
    supervisor   the tasks of all these: one that meets a fault is told and begun again
    snapshots    the files made for accountants, until they were fetched

All live in the main loop's thread but where they say otherwise. `app` makes them and ties them to each other and to
the methods; no other room knows them.
"""
