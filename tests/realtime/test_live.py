"""Whole sessions: real sockets and threads, the real parser and voices, small hand-made weights."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from synchresis.engines.frame import Frame
from synchresis.engines.gesture import Gesture
from synchresis.engines.instrument import Instrument
from synchresis.engines.packs import Pack
from synchresis.engines.pipeline import Pipeline, bind_parser
from synchresis.engines.sample_clock import SampleClock
from synchresis.engines.score import STALE_NS
from synchresis.engines.timebase import HOP, sample_of
from synchresis.engines.zone import Zone
from synchresis.errors import InputError
from synchresis.kernels.overlap_add import RISE
from synchresis.realtime.cli.main import main
from synchresis.realtime.clock import SystemClock
from synchresis.realtime.live import LiveSession, LiveSettings, Parts
from synchresis.realtime.nodes import ParserNode
from synchresis.realtime.record import Delayed, Played, Pushed, Seen, load_record, replay
from synchresis.realtime.ring import SoftwareRing
from synchresis.realtime.silence_watch import SilenceWatch
from synchresis.realtime.sources.pacing import PacedFilm

MS = 1_000_000


class FlashFilm:
    """A noisy picture that flashes now and then; the same every time."""

    name = "flashes"

    def __init__(self, count: int, *, fps: float = 30.0, jitter: float = 0.0) -> None:
        rng = np.random.default_rng(5)
        self.nominal_fps = fps
        noise = rng.integers(0, 12, (48, 64, 3), np.uint8)
        times = (np.arange(count) + jitter * rng.uniform(-0.5, 0.5, count)) / fps
        self.times = np.round((times - times[0]) * 1e9).astype(np.int64)
        self.pictures = [noise + np.uint8(190 * (n % 7 == 5)) for n in range(count)]

    @property
    def end_ns(self) -> int:
        return int(self.times[-1]) + round(1e9 / self.nominal_fps)

    def __iter__(self) -> Iterator[Frame]:
        for n, (time_ns, picture) in enumerate(zip(self.times, self.pictures, strict=True)):
            yield Frame(picture, int(time_ns), n)

    def close(self) -> None:
        pass


class Tape:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.blocks: list[NDArray[np.float32]] = []
        self.closed = False

    def write(self, block: NDArray[np.float32]) -> None:
        self.blocks.append(block.copy())

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        pass

    @property
    def sound(self) -> NDArray[np.float32]:
        return np.concatenate(self.blocks)


def offline(instrument: Instrument, film: FlashFilm) -> NDArray[np.float32]:
    pipeline = Pipeline(
        bind_parser(instrument.parser), instrument.playout(nominal_fps=film.nominal_fps)
    )
    return np.concatenate([block.copy() for block in pipeline.run(film)])


def live(instrument: Instrument, film: FlashFilm) -> NDArray[np.float32]:
    tape = Tape()
    LiveSession(instrument, LiveSettings(clock="virtual"), parts=Parts(film=film, sink=tape)).run()
    assert tape.closed
    return tape.sound


@pytest.mark.parametrize("lookahead_ms", [-50, 0, 45])
def test_live_on_the_virtual_clock_equals_offline_sample_for_sample(
    make_instrument: Callable[..., Instrument], lookahead_ms: int
) -> None:
    instrument = make_instrument(lookahead_ns=lookahead_ms * MS)
    film = FlashFilm(60, jitter=0.8)
    sound = offline(instrument, film)
    assert len(sound) == sample_of(film.end_ns)
    assert (np.abs(sound).max(0) > 0.01).all()
    np.testing.assert_array_equal(live(instrument, film), sound)


def test_two_runs_give_the_same_sound_and_another_seed_another(
    make_instrument: Callable[..., Instrument],
) -> None:
    film = FlashFilm(25)
    first, again = live(make_instrument(), film), live(make_instrument(), film)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - live(make_instrument(seed=4), film)).max() > 1e-4


def test_cutting_the_film_changes_nothing_before_the_cut(
    make_instrument: Callable[..., Instrument],
) -> None:
    instrument = make_instrument()
    film = FlashFilm(40)
    whole = offline(instrument, film)
    film.times, film.pictures = film.times[:27], film.pictures[:27]
    known = sample_of(int(film.times[-1])) // HOP * HOP
    np.testing.assert_array_equal(offline(instrument, film)[:known], whole[:known])


def test_session_writes_a_file_as_long_as_the_film(
    make_instrument: Callable[..., Instrument], tmp_path: Path
) -> None:
    film = FlashFilm(20)
    out = tmp_path / "out.wav"
    settings = LiveSettings(out=str(out), clock="virtual")
    with LiveSession(make_instrument(), settings, parts=Parts(film=film)) as session:
        while session.poll():
            pass
    assert session.status().state == "ended"
    assert soundfile.info(str(out)).frames == sample_of(film.end_ns)
    assert list(tmp_path.iterdir()) == [out]


def test_session_that_is_stopped_early_leaves_no_file_on_the_virtual_clock(
    make_instrument: Callable[..., Instrument], tmp_path: Path
) -> None:
    settings = LiveSettings(out=str(tmp_path / "out.wav"), clock="virtual")
    with LiveSession(make_instrument(), settings, parts=Parts(film=FlashFilm(5000))):
        pass
    assert list(tmp_path.iterdir()) == []


class DroppingFilm(FlashFilm):
    """Loses frames before they get to us, and keeps what it showed."""

    def __init__(self, count: int, **settings: float) -> None:
        super().__init__(count, **settings)
        self.shown: dict[int, NDArray[np.uint8]] = {}

    def __iter__(self) -> Iterator[Frame]:
        rng = np.random.default_rng(11)
        for frame in super().__iter__():
            if rng.random() < 0.15:
                continue
            self.shown[frame.sequence] = frame.picture
            yield frame


class StallingClock(SystemClock):
    """Now and then the voice thread oversleeps by far."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(12)
        self._calls = 0

    def sleep_until(self, time_ns: int) -> None:
        self._calls += 1
        if self._calls > 1500 and self._rng.random() < 0.01:
            time_ns += int(self._rng.uniform(10, 150)) * MS
        super().sleep_until(time_ns)


def test_a_run_on_the_device_clock_replays_sample_for_sample(
    make_instrument: Callable[..., Instrument], tmp_path: Path
) -> None:
    """Real threads and time, lost frames, stalls and commands; nothing is said about when."""
    instrument = make_instrument()
    film, tape = DroppingFilm(160, jitter=0.5), Tape()
    clock = StallingClock()
    parts = Parts(source=PacedFilm(film), ring=SoftwareRing(clock, tape), clock=clock)
    session = LiveSession(instrument, LiveSettings(recording=True), parts=parts)
    seconds = 0.0
    with session:
        while session.poll(0.02):
            status = session.status()
            if status.seconds > 0.5 and seconds <= 0.5:
                session.hit(zone=1)
                session.set_palette("wood", zone=1)
                session.set_sensitivity(1.5)
            if status.seconds > 1.0 and seconds <= 1.0:
                session.set_muted(muted=True)
            if status.seconds > 1.3 and seconds <= 1.3:
                session.set_muted(muted=False)
            seconds = status.seconds
    assert session.record is not None
    session.record.save(tmp_path / "run")
    record = load_record(tmp_path / "run")
    assert session.status().xruns > 0
    assert len(record.seen) > 50
    fresh = make_instrument()
    again = np.zeros_like(tape.sound)
    node = ParserNode(fresh.parser)

    def tune(seen: Seen) -> None:
        node.set_lookahead(seen.lookahead_ns)
        node.set_sensitivity(seen.sensitivity)

    for hop, block in replay(record, film.shown, node.parse, fresh.playout(), tune=tune):
        again[hop * HOP : (hop + 1) * HOP] = block
    assert np.abs(again).max() > 0.01
    np.testing.assert_array_equal(tape.sound, again)


def test_every_impulse_through_the_whole_graph_sounds_at_its_time_plus_the_declared_delay(
    make_instrument: Callable[..., Instrument],
) -> None:
    """Real sockets and threads; times are compared on the device's own line, not a wall's."""
    film, tape, gestures = FlashFilm(150, fps=25.0), Tape(), {}
    parts = Parts(source=PacedFilm(film), ring=SoftwareRing(SystemClock(), tape))
    zones = (Zone(palette="model:wood"),)
    session = LiveSession(
        make_instrument(zones=zones, lookahead_ns=0),
        LiveSettings(recording=True, buffer_hops=8),
        parts=parts,
        on_gesture=lambda _, gesture: gestures.update({gesture.sequence: gesture}),
    )
    session.run()
    assert session.record is not None
    status, steps = session.status(), session.record.steps
    delay_ns = next(step.delay_ns for step in steps if isinstance(step, Delayed))
    assert delay_ns == status.delay_ms * MS
    checked = 0
    for number, push in enumerate(steps):
        if not isinstance(push, Pushed) or push.age_ns > STALE_NS:
            continue
        clock = SampleClock(push.origin_ns, push.origin_sample, push.rate_mhz)
        hops = {step.hop for step in steps[number:] if isinstance(step, Played)}
        for event in gestures[push.sequence].events:
            sample = clock.sample_of(event.t_ns + delay_ns)
            if sample // HOP not in hops:  # it came too late, or its hop was skipped
                continue
            begin = sample + RISE  # the latency that the voice declares
            quiet = np.abs(tape.sound[begin - RISE : begin]).max()
            loud = np.abs(tape.sound[begin : begin + RISE]).max()
            assert loud > 10 * quiet
            checked += 1
    assert checked + status.late + status.dropped >= status.played
    assert checked > 0


def test_live_and_render_write_the_same_file(tiny_pack: Pack, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film = FlashFilm(40)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in film.pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    shared = ["--pack", str(tiny_pack.path), "--palette", "model:glass", "--seed", "5"]
    offline, live = tmp_path / "a.flac", tmp_path / "b.flac"
    assert main(["render", str(path), "-o", str(offline), *shared]) == 0
    arguments = ["live", "--camera", str(path), "--clock", "virtual", "--out", str(live)]
    assert main([*arguments, *shared]) == 0
    assert np.abs(soundfile.read(offline)[0]).max() > 0.01
    assert live.read_bytes() == offline.read_bytes()


def test_auto_lookahead_is_asked_for_once_the_delay_is_known(
    make_instrument: Callable[..., Instrument], tiny_pack: Pack
) -> None:
    instrument = make_instrument()
    entry = replace_entry(tiny_pack, lookahead_max_ms=22.0)
    instrument.pack = entry
    film = FlashFilm(120)
    film.pictures = film.pictures[:1] * 120
    gestures: list[Gesture] = []
    parts = Parts(source=PacedFilm(film), ring=SoftwareRing(SystemClock(), Tape()))
    session = LiveSession(
        instrument, LiveSettings(), parts=parts, on_gesture=lambda _, g: gestures.append(g)
    )
    session.run()
    status = session.status()
    assert status.lookahead_ms == 20.0
    assert gestures[-1].lookahead_ns == 20 * MS
    assert status.delay_ms == np.ceil(
        sum(v for k, v in status.parts_ms.items() if k != "lookahead") - 20
    )


def replace_entry(pack: Pack, *, lookahead_max_ms: float) -> Pack:
    import msgspec

    assert pack.manifest.motion is not None
    motion = msgspec.structs.replace(pack.manifest.motion, lookahead_max_ms=lookahead_max_ms)
    return replace(pack, manifest=msgspec.structs.replace(pack.manifest, motion=motion))


def test_length_of_a_run_counts_from_its_first_sound(
    make_instrument: Callable[..., Instrument],
) -> None:
    parts = Parts(source=PacedFilm(FlashFilm(600)), ring=SoftwareRing(SystemClock(), Tape()))
    with LiveSession(make_instrument(), LiveSettings(seconds=0.4), parts=parts) as session:
        while session.poll():
            pass
        assert session.status().seconds >= 0.4
        assert session.status().frames < 300


def test_a_look_at_silence_lowers_the_sensitivity_of_what_plays(
    make_instrument: Callable[..., Instrument],
) -> None:
    """Flashes shall not sound: none does after the look."""
    parts = Parts(source=PacedFilm(FlashFilm(900)), ring=SoftwareRing(SystemClock(), Tape()))
    said: list[str] = []
    with LiveSession(make_instrument(), LiveSettings(buffer_hops=8), parts=parts) as session:
        hurry = itertools.count(0.0, 10.0)  # nobody needs time to get ready
        watch = SilenceWatch(session, said.append, now_s=lambda: next(hurry))
        watch.begin(3.0)
        assert session.status().muted
        while watch.looking and session.poll(0.02):
            watch.update()
        status = session.status()
        assert not watch.looking and not status.muted
        assert "another time: --sensitivity" in said[-1]
        assert status.sensitivity < 1 and status.events > 3
        while session.poll() and session.status().frames < status.frames + 60:
            pass
        assert session.status().events == status.events


class BrokenFilm(FlashFilm):
    def __iter__(self) -> Iterator[Frame]:
        yield from list(super().__iter__())[:10]
        raise InputError("film.mp4: torn")


@pytest.mark.parametrize("clock", ["virtual", "device"])
def test_an_error_in_a_node_ends_the_session_and_is_told(
    make_instrument: Callable[..., Instrument], clock: str, tmp_path: Path
) -> None:
    film = BrokenFilm(20)
    parts = Parts(film=film) if clock == "virtual" else Parts(source=PacedFilm(film))
    out = tmp_path / "out.wav"
    settings = LiveSettings(out=str(out), clock=clock)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="torn"):
        LiveSession(make_instrument(), settings, parts=parts).run()
    if clock == "virtual":
        assert list(tmp_path.iterdir()) == []


def test_status_before_the_start_and_view_after(
    make_instrument: Callable[..., Instrument],
) -> None:
    film = FlashFilm(13)
    parts = Parts(film=film, sink=Tape())
    session = LiveSession(make_instrument(), LiveSettings(clock="virtual"), parts=parts)
    assert session.status().state == "starting"
    assert session.view() is None
    session.run()
    view = session.view()
    assert view is not None
    np.testing.assert_array_equal(view.frame.picture, film.pictures[-1])
    assert view.map.shape == (30, 40)
    status = session.status()
    assert status.frames == 13
    assert status.events == 4  # two flashes, two zones
    assert status.fps == pytest.approx(30, rel=0.01)
