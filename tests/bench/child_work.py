"""What the children of `test_child` do: a module that their fresh interpreters can import."""

import os
import sys
import time

from synchresis.bench.child import Child

LONG_S = 120


def answer(say, number):
    say({"number": number + 1})


def be_silent(say):
    del say


def sleep(say):
    say(os.getpid())
    time.sleep(LONG_S)


if __name__ == "__main__":  # a benchmark that gets killed while its child works
    sys.stdout.write(f"{Child(sleep).hear(LONG_S)}\n")
    sys.stdout.flush()
    time.sleep(LONG_S)
