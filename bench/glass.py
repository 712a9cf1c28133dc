"""`bench glass`: screen flash → webcam → sound → microphone, on real hardware."""

from synchresis.bench.environment import stamp_environment
from synchresis.bench.options import Options
from synchresis.bench.result import (
    Figure,
    Histogram,
    Report,
    Result,
    distribution_results,
    thinned,
)
from synchresis.engines.packs import load_pack
from synchresis.realtime.glass import FlashPlan, GlassToAir, WindowScreen, measure_glass
from synchresis.realtime.sources import SourceSettings, open_live


def run(options: Options) -> Report:
    """Flash the screen and listen; the camera must see it, the microphone hear the speakers.

    Raises:
        DeviceError: no display, camera, speaker or microphone.
    """
    plan = FlashPlan(flashes=options.repeats(60), seed=options.seed)
    pack = load_pack(options.pack)
    screen = WindowScreen()
    source = open_live(SourceSettings(options.camera, mirror=False))
    found = measure_glass(screen, source, pack, plan)
    results, figures = glass_findings(found)
    host = stamp_environment(seed=options.seed, device=options.device)
    return Report("glass", host, results, figures)


def glass_findings(found: GlassToAir) -> tuple[list[Result], list[Figure]]:
    """Delays as results and a histogram."""
    air, stamp = list(found.air_ms), list(found.stamp_ms)
    results = distribution_results("glass.air", air) + distribution_results("glass.stamp", stamp)
    results.append(Result("glass.flashes", found.flashes, "count"))
    series = {"flash → microphone": thinned(air), "flash → stamp of its frame": thinned(stamp)}
    caption = "From the picture handed to the display; screen, camera, speakers and air included."
    return results, [Histogram("Glass to air", "ms", series, caption)]
