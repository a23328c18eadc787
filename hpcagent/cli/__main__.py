"""``python -m hpcagent.cli``, for where the package is, but not its script."""

import sys

from hpcagent.cli import main

sys.exit(main())
