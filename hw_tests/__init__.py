"""hw-tests: what a technician runs on the box, before it goes to the shop and when something is wrong there.

    command      the command line: which tests, how they are told
    bench        what every test knows of the box, and the result it gives
    clock disk soak printer lamps till_socket
                 one piece of the box each; `pattern` is what the printer prints

No test opens the box's journal, takes its lock or a device that the running daemon holds.
"""


def main() -> int:
    """The entry point `hw-tests`."""
    from hw_tests.command import main as run

    return run()
