"""Parsing of numbers and zones."""

import argparse

import pytest

from synchresis.engines.zone import Zone
from synchresis.realtime.cli import options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,0,1,1=wood", Zone(0, 0, 1, 1, "wood", 0.0)),
        ("0,0,0.5,1=wood:-6", Zone(0, 0, 0.5, 1, "wood", -6.0)),
        ("0.25,0,0.5,1=model:glass", Zone(0.25, 0, 0.5, 1, "model:glass", 0.0)),
        ("0,0,1,1=model:glass:3.5", Zone(0, 0, 1, 1, "model:glass", 3.5)),
        ("0,0,1,1=wood:0.7+glass:0.3", Zone(0, 0, 1, 1, "wood:0.7+glass:0.3", 0.0)),
        ("0,0,1,1=wood:0.7+glass:0.3:-6", Zone(0, 0, 1, 1, "wood:0.7+glass:0.3", -6.0)),
    ],
)
def test_zone_is_read(text: str, expected: Zone) -> None:
    assert options.zone(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wood",
        "0,0,1=wood",
        "0,0,1,1",
        "0,0,1,1=",
        "0,0,1,1=:3",
        "0,0,1,1=wood:loud",
        "0,0,1,1=wood:1:2",
        "0,0,nan,1=wood",
        "0.5,0,0.5,1=wood",
        "0,0,2,1=wood",
        "0,0,1,1=wood:nan",
        "0,0,1,1=wood:99",
    ],
)
def test_nonsense_zone_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        options.zone(text)


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-1.01", "2.01"])
def test_number_outside_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a number from -1 to 2"):
        options.number(-1, 2)(text)


@pytest.mark.parametrize("text", ["", "x", "1.5", "-1", "5"])
def test_whole_number_outside_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number, 0 to 4"):
        options.whole(0, 4)(text)


def test_bounds_are_included() -> None:
    assert [options.number(-1, 2)(x) for x in ("-1", "2")] == [-1, 2]
    assert [options.whole(0, 4)(x) for x in ("0", "4")] == [0, 4]
    assert options.auto_or(options.number(-1, 2))("auto") == "auto"
    assert options.auto_or(options.number(-1, 2))("1") == 1


@pytest.mark.parametrize(
    ("palette", "given", "expected"),
    [
        (None, [], (Zone(palette="wood"),)),
        ("tin", [], (Zone(palette="tin"),)),
        ("", [], (Zone(palette=""),)),  # refused later, as any palette that is not there
        (None, [Zone(0, 0, 0.5, 1, "glass")], (Zone(0, 0, 0.5, 1, "glass"),)),
    ],
)
def test_zones_or_one_palette_for_the_whole_picture(
    palette: str | None, given: list[Zone], expected: tuple[Zone, ...]
) -> None:
    assert options.zones(argparse.Namespace(palette=palette, zone=given)) == expected
