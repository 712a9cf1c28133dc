"""What a player sees in the terminal while playing: one line that is written over."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from synchresis.realtime.status import Status

METER: Final = " ▁▂▃▄▅▆▇█"
"""Steps of a small meter."""

PART_NAMES: Final = {
    "camera": "camera",
    "frame_interval": "frame",
    "parse": "parse",
    "transport": "links",
    "hop_wait": "hop",
    "ring": "buffer",
    "rise": "rise",
    "device": "device",
    "lookahead": "lookahead",
}
"""Parts of D as a player reads them."""


def status_line(status: "Status") -> str:
    """One line: what is seen, what was played, what was lost."""
    seen = _meter(status.impact, status.threshold)
    fields = [
        f"{status.fps:.3g} fps",
        f"{seen} {status.impact:.2f}/{status.threshold:.2f}",
        f"{status.events} hits",
        "+".join(sorted(set(status.palettes))),
        _delay(status),
        f"{status.late} late",
        f"drops {status.lost_frames}+{status.dropped}",
        f"xruns {status.xruns}",
    ]
    marks = [
        ("muted", status.muted),
        ("camera away", status.camera_away),
        ("audio device away", status.sound_away),
    ]
    # first what a player must not miss where the terminal is narrow
    return "  ".join([*(text for text, shown in marks if shown), *fields])


def delay_line(status: "Status") -> str:
    """D and what it is made of, once it is known."""
    parts = [
        f"{PART_NAMES.get(name, name)} {value:.1f}"
        for name, value in status.parts_ms.items()
        if value and name != "lookahead"
    ]
    ahead = status.parts_ms.get("lookahead", 0.0)  # as it is in D, not as it may be by now
    less = f" - lookahead {ahead:.0f}" if ahead > 0 else f" + wait {-ahead:.0f}" if ahead else ""
    return f"delay D {status.delay_ms:.0f} ms = {' + '.join(parts)}{less}"


def summary_line(status: "Status") -> str:
    """What happened, at the end."""
    return (
        f"{status.seconds:.1f} s, {status.frames} frames ({status.lost_frames} lost), "
        f"{status.events} hits, "
        f"{status.played} played, {status.late} late, {status.dropped} dropped, "
        f"{status.xruns} xruns"
    )


def _delay(status: "Status") -> str:
    if status.delay_ms is None:
        return "D measuring" if status.state != "ended" else "D -"
    return f"D {status.delay_ms:.0f} ms"


def _meter(value: float, threshold: float) -> str:
    """One character: how near a hit is, full at the threshold."""
    share = min(max(value / threshold, 0.0), 1.0) if threshold > 0 else 0.0
    return METER[round(share * (len(METER) - 1))]
