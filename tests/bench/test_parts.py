import os
import signal
import threading
from collections.abc import Iterator

import pytest

from synchresis.bench.parts import run_parts
from synchresis.bench.result import Result
from synchresis.errors import EngineError


def row(name: str) -> list[Result]:
    return [Result(name, 1.0, "ms")]


def fails() -> list[Result]:
    raise EngineError("no such card")


def test_parts_run_in_turn_and_are_said(capsys) -> None:
    results = run_parts("b", [("one", lambda: row("b.one")), ("two", lambda: row("b.two"))])
    assert [(r.metric, r.value) for r in results] == [("b.one", 1), ("b.two", 1), ("b.complete", 1)]
    said = capsys.readouterr().err.splitlines()
    assert [line.split("s  ")[1] for line in said] == ["1/2 one", "2/2 two"]


@pytest.mark.parametrize("error", [fails, lambda: [1 / 0]], ids=["ours", "strange"])
def test_a_part_that_fails_says_so_and_the_rest_goes_on(error) -> None:
    results = run_parts("b", [("b.bad", error), ("b.good", lambda: row("b.good.x"))])
    bad, good, complete = results
    assert bad.metric == "b.bad.runs" and bad.value == 0
    assert "no such card" in bad.note or "ZeroDivisionError" in bad.note
    assert good.metric == "b.good.x" and complete.value == 1


def test_what_a_part_gave_before_it_failed_is_kept() -> None:
    def some() -> Iterator[Result]:
        yield from row("b.first")
        raise EngineError("out of memory")

    first, failed, _ = run_parts("b", [("b.part", some)])
    assert first.metric == "b.first" and failed.metric == "b.part.runs"
    assert "out of memory" in failed.note


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_measured_before_an_interruption_is_kept(number) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def interrupted() -> Iterator[Result]:
        yield from row("b.half")
        os.kill(os.getpid(), number)
        threading.Event().wait(5)
        yield from row("b.never")

    parts = [("one", lambda: row("b.one")), ("two", interrupted), ("three", lambda: row("b.3"))]
    results = run_parts("b", parts)
    assert [r.metric for r in results] == ["b.one", "b.half", "b.complete"]
    assert results[-1].value == 0 and "interrupted in two" in results[-1].note
    assert signal.getsignal(signal.SIGTERM) is before
