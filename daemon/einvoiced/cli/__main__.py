"""`python -m einvoiced.cli`, the same as `einvoicectl`."""

import sys

from einvoiced.cli import main

if __name__ == "__main__":
    sys.exit(main())
