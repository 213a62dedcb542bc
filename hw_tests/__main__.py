"""`python -m hw_tests`, the same as `hw-tests`."""

import sys

from hw_tests import main

if __name__ == "__main__":
    sys.exit(main())
