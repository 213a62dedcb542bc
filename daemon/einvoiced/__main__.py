"""`python -m einvoiced`, the same as the entry point `einvoiced`."""

import sys

from einvoiced.app import main

if __name__ == "__main__":
    sys.exit(main())
