"""`python -m riskflags` is the command line."""

import sys

from riskflags.cli import main

if __name__ == "__main__":
    sys.exit(main())
