"""Motion training without the command line: `python -m synchresis.engines.training.motion`."""

import argparse

from synchresis.engines.training.motion.commands import add_train_arguments, run_train

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the motion network on scenes.")
    add_train_arguments(parser)
    raise SystemExit(run_train(parser.parse_args()))
