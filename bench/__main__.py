"""`python -m synchresis.bench NAME …` is `synchresis bench NAME …`."""

import sys

from synchresis.realtime.cli.main import main

sys.exit(main(["bench", *sys.argv[1:]]))
