"""`python -m models VERB`: see `models.cli.main`."""

import sys

from models.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
