"""hw-tests: what a technician runs on the box, before it goes to the shop and when something is wrong there.

    command      the command line: which tests, how they are told
    bench        what every test knows of the box, and the result it gives
    person       who looks and does; `pictures` are the drawings of what to look at
    report       what was found: on the screen, as JSON, on a slip
    clock power disk soak printer lamps stick till_socket
                 one piece of the box each; `pattern` is what the printer prints
    disk_cut     does the disk lie: in two steps, with the plug pulled between them
    loan         the printer, borrowed from a running box

No test writes to the box's journal, takes its lock, or a device that the running box has not lent.
"""


def main() -> int:
    """The entry point `hw-tests`."""
    from hw_tests.command import main as run

    return run()
