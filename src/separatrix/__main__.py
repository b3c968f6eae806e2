"""``python -m separatrix``: the shell without its script."""

import sys

from separatrix.cli import main

sys.exit(main())
