"""`python -m riskflags` is the command line."""

import sys

from riskflags.cli import main

sys.exit(main())
