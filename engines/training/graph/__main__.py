"""`python -m synchresis.engines.training.graph PACK`: rewrite the engines of a pack in place."""

import sys
from pathlib import Path

from synchresis.engines.training.graph.simplify import simplify_pack

if __name__ == "__main__":
    sys.stdout.write("\n".join(simplify_pack(Path(sys.argv[1]))) + "\n")
