"""Options shared by subcommands, and the parsing of numbers and zones."""

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from synchresis.engines.zone import Zone
from synchresis.errors import ParameterError

if TYPE_CHECKING:
    from synchresis.engines.instrument import InstrumentSettings
    from synchresis.engines.packs import Pack

ENGINES: Final = ("auto", "tensorrt", "onnx-cuda", "onnx")
"""Choices of --engine."""

LOOKAHEAD_MS: Final = (-50.0, 120.0)
"""Range of --lookahead; negative waits for evidence."""

SENSITIVITIES: Final = (0.01, 100.0)
"""Range of --sensitivity; 1 is the pack's own."""

GAIN_DB: Final = -12.0
"""Level of the loudest hit by default, dBFS."""

Auto = Literal["auto"]
"""The word that leaves a choice to the program."""


def number(low: float, high: float) -> Callable[[str], float]:
    """Argument type: a finite number within bounds, both included."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} must be a number from {low:g} to {high:g}")
        return value

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """Argument type: a whole number within bounds, both included."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, {low} to {high}")
        return value

    return parse


def auto_or(parse: Callable[[str], float]) -> Callable[[str], float | Auto]:
    """Argument type: "auto", or what `parse` takes."""

    def either(text: str) -> float | Auto:
        return "auto" if text == "auto" else parse(text)

    return either


def zone(text: str) -> Zone:
    """Zone from "X0,Y0,X1,Y1=PALETTE[:GAIN]".

    A mix keeps its weights: in "wood:0.7+glass:0.3:-6" the gain is -6 dB.
    """
    corners, _, sound = text.partition("=")
    try:
        x0, y0, x1, y1 = (float(part) for part in corners.split(","))
        palette, gain_db = _palette_and_gain(sound)
        return Zone(x0, y0, x1, y1, palette, gain_db)
    except ParameterError as err:
        raise argparse.ArgumentTypeError(str(err)) from err
    except ValueError as err:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be X0,Y0,X1,Y1=PALETTE[:GAIN], such as 0,0,0.5,1=wood:-6"
        ) from err


def _palette_and_gain(sound: str) -> tuple[str, float]:
    """Palette and gain in dB from "PALETTE[:GAIN]"; ValueError where there is no palette."""
    *before, last = sound.split("+")
    fields = last.split(":")
    own = 1 + (fields[0] == "model") + bool(before)
    name, rest = ":".join(fields[:own]), fields[own:]
    if not fields[0] or len(rest) > 1:
        raise ValueError(sound)
    return "+".join([*before, name]), float(rest[0]) if rest else 0.0


def zones(args: argparse.Namespace) -> tuple[Zone, ...]:
    """Zones asked for; by default one, the whole picture, with --palette.

    Raises:
        ParameterError: --palette beside zones, which name their own.
    """
    if args.zone and args.palette is not None:
        raise ParameterError(
            f"--palette {args.palette} plays nothing beside --zone: each zone names its own, as in "
            f"--zone 0,0,1,1={args.palette}"
        )
    whole = Zone() if args.palette is None else Zone(palette=args.palette)
    return tuple(args.zone) or (whole,)


def pack(args: argparse.Namespace) -> "Pack":
    """The pack asked for, loaded and checked."""
    from synchresis.engines.packs import DEFAULT, load_pack

    loaded: Pack = load_pack(args.pack or DEFAULT)
    return loaded


def instrument_settings(args: argparse.Namespace) -> "InstrumentSettings":
    """Choices of `add_sound_options`."""
    from synchresis.engines.instrument import InstrumentSettings

    ahead = args.lookahead
    return InstrumentSettings(
        zones=zones(args),
        lookahead_ns="auto" if ahead == "auto" else round(ahead * 1e6),
        sensitivity=args.sensitivity,
        seed=args.seed,
        gain_db=args.gain,
        backend=args.engine,
    )


def add_pack_option(parser: argparse.ArgumentParser) -> None:
    """The pack to use."""
    parser.add_argument(
        "--pack", metavar="NAME", help="name or folder of a pack (default: the one that ships)"
    )


def add_sound_options(parser: argparse.ArgumentParser) -> None:
    """What `live` and `render` share: palettes, zones, pack and how to listen to the picture."""
    add = parser.add_argument
    add(
        "--palette",
        metavar="NAME",
        help="what it sounds like: a palette, or a "
        f"mix such as wood:0.7+glass:0.3 (default: {Zone().palette}; see `synchresis palettes`)",
    )
    add(
        "--zone",
        action="append",
        default=[],
        type=zone,
        metavar="X0,Y0,X1,Y1=PALETTE[:GAIN]",
        help="a part of the picture, in fractions, with its own palette and gain in dB; repeat",
    )
    add_pack_option(parser)
    add("--engine", default="auto", choices=ENGINES, help="where the networks run")
    add(
        "--lookahead",
        default="auto",
        type=auto_or(number(*LOOKAHEAD_MS)),
        metavar="auto|MS",
        help="predict so far ahead, -50 to 120 ms; negative waits for evidence. auto (default): as "
        "far as sound is late and the pack allows; 0 finds more hits, and plays them later",
    )
    add(
        "--sensitivity",
        default=1.0,
        type=number(*SENSITIVITIES),
        metavar="X",
        help="above 1 hears more, below 1 less (default 1)",
    )
    add(
        "--gain",
        default=GAIN_DB,
        type=number(-80.0, 0.0),
        metavar="DB",
        help="level of the loudest hit, dBFS (default -12)",
    )
    add("--seed", default=0, type=whole(0, 2**63 - 1), metavar="N", help="seed of the noise")
