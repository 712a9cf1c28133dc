"""What stands around the program: cameras, sound, GPU, packs."""

import platform
from functools import partial
from pathlib import Path
from typing import Final

from synchresis import __version__
from synchresis.engines.gpu.driver import find_card
from synchresis.engines.packs import list_packs, load_pack
from synchresis.engines.runtime.tensorrt_names import find_tensorrt
from synchresis.errors import DeviceError, EngineError
from synchresis.realtime.doctor.finding import Finding, Findings, examine, split_remedy

VIDEO: Final = Path("/sys/class/video4linux")
"""Where Linux lists cameras."""

NO_SOUND: Final = "sound goes to a file until there is one; `synchresis live --out FILE` names it"

NO_CAMERA: Final = "plug one in, or look at `--camera scene:NAME`, a file or a URL"


def examine_devices() -> Findings:
    """Look at everything outside the program."""
    system = f"synchresis {__version__}, Python {platform.python_version()}, {platform.platform()}"
    yield Finding("system", "ok", system)
    yield from examine_cameras(VIDEO)
    yield from examine_sound()
    yield from examine_gpu()
    yield from examine_packs()


def examine_cameras(listing: Path) -> Findings:
    """Open every camera that the system lists and take a picture."""
    entries = sorted(listing.glob("video*/name")) if listing.is_dir() else []
    seeing = [entry for entry in entries if _takes_pictures(entry.parent)]
    if not seeing:
        yield Finding("camera", "absent", "no camera found", NO_CAMERA)
    for entry in seeing:
        number = entry.parent.name.removeprefix("video")
        name = f"camera {number} ({entry.read_text().strip()})"
        yield examine(name, partial(_try_camera, number), remedy="close the program that holds it")


def examine_sound() -> Findings:
    """List the devices that can play."""
    try:
        import sounddevice
    except OSError:  # what sounddevice raises where the library is missing
        yield Finding(
            "sound", "absent", "PortAudio is not installed", "apt-get install libportaudio2"
        )
        return
    try:
        devices = sounddevice.query_devices()
    except sounddevice.PortAudioError as err:
        yield Finding("sound", "broken", f"PortAudio does not start: {err}", NO_SOUND)
        return
    playing = [device for device in devices if device["max_output_channels"] > 0]
    if not playing:
        yield Finding("sound", "absent", "no device that plays", NO_SOUND)
    default = sounddevice.default.device[1]
    for device in playing:
        mark = ", the default" if device["index"] == default else ""
        delay_ms = 1e3 * device["default_low_output_latency"]
        yield Finding("sound", "ok", f"{device['name']}{mark} (delay from {delay_ms:.0f} ms)")


def examine_gpu() -> Findings:
    """Ask for the driver, then for TensorRT."""
    try:
        card = find_card()
    except DeviceError as err:
        yield split_remedy("GPU", err)
    else:
        capability = ".".join(map(str, card.capability))
        memory = f"{card.memory_bytes / 2**30:.0f} GiB"
        yield Finding("GPU", "ok", f"{card.name}, capability {capability}, {memory}")
    try:
        flavour = find_tensorrt()
    except EngineError as err:
        yield split_remedy("TensorRT", err)
    else:
        yield Finding("TensorRT", "ok", f"{flavour.flavour} {flavour.version}")


def examine_packs() -> Findings:
    """Load every pack and check its hashes."""
    folders = list_packs()
    if not folders:
        yield Finding("pack", "broken", "no pack found", "install synchresis again")
    for folder in folders:
        yield examine(
            f"pack {folder.name}",
            partial(_try_pack, folder),
            remedy="get the pack again, or teach it again (`teach motion`, `teach palette`)",
        )


def _takes_pictures(device: Path) -> bool:
    """Linux lists a second node per camera, for metadata; its index is not 0."""
    index = device / "index"
    return not index.exists() or index.read_text().strip() == "0"


def _try_camera(spec: str) -> str:
    from synchresis.realtime.sources import SourceSettings, open_live

    source = open_live(SourceSettings(spec))
    try:
        frame = source.read(3.0)
        if frame is None:
            raise DeviceError(f"camera {spec} opens but gives no picture")
        height, width = frame.picture.shape[:2]
        stamps = "times estimated" if source.estimated else "times from the driver"
        return f"{width}x{height}, {source.nominal_fps:.0f} frames/s offered, {stamps}"
    finally:
        source.close()


def _try_pack(folder: Path) -> str:
    pack = load_pack(folder)
    engines = [which for which in ("motion", "voice") if pack.has(which)]
    based = f", on {pack.base.name}" if pack.base else ""
    return f"{', '.join(engines)}, {len(pack.palettes)} palettes{based} ({pack.hash[:12]})"
