"""Overlap-add against the inverse short-time transforms of torch, librosa and SciPy."""

from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from synchresis.bench.case import Case, Step, Timing, measure_together
from synchresis.bench.options import Options
from synchresis.bench.result import Figure, Result, Table, timing_results
from synchresis.kernels.overlap_add import BINS, HOP, N, OverlapAdd

FRAMES = 940
"""Frames in bulk: five seconds."""

NEEDED = N // HOP
"""Frames that overlap one hop: what a peer without state must transform again for each hop."""

Spectra = NDArray[np.complex64]

PER_HOP = (
    "one new frame in, 256 samples out; a peer keeps no state, so it is given the 4 frames that "
    "overlap the hop (SciPy 5, its least); windows: ours its own, the peers' a Hann window"
)
BULK = "940 frames; ours one hop at a time as it runs live, the peers all at once; time per hop"


def measure_overlap_add(options: Options) -> tuple[list[Result], list[Figure]]:
    """Measure one hop at a time, and five seconds in bulk."""
    rng = np.random.default_rng(options.seed)
    parts = rng.standard_normal((2, FRAMES, BINS)).astype(np.float32)
    spectra = (parts[0] + 1j * parts[1]).astype(np.complex64)
    hop = Case("overlap_add.hop", repeats=options.repeats(1000), inner=10)
    peer_hop = options.repeats(300)
    rows = [(hop, _our_hop(spectra))]
    rows += [
        (Case(f"overlap_add.hop {name}", repeats=peer_hop), step)
        for name, step in _peers(spectra[: NEEDED + 1], spectra[:NEEDED]).items()
    ]
    hops = measure_together(rows)
    bulk = Case("overlap_add.bulk", warmup=2, repeats=options.repeats(60))
    rows = [(bulk, _our_bulk(spectra))]
    rows += [
        (Case(f"overlap_add.bulk {name}", warmup=2, repeats=options.repeats(60)), step)
        for name, step in _peers(spectra, spectra).items()
    ]
    bulks = [_per_hop(timing) for timing in measure_together(rows)]
    results = [*timing_results(hops[0]), *_claims(hops, PER_HOP), *_claims(bulks, BULK)]
    return results, [_table(hops, bulks)]


def _our_hop(spectra: Spectra) -> Step:
    stage = OverlapAdd()
    stage.prepare()
    state, frames = stage.initial_state(), cycle(spectra[:, None])
    return lambda: stage.step(next(frames), state)


def _our_bulk(spectra: Spectra) -> Step:
    stage = OverlapAdd()
    stage.prepare()
    state = stage.initial_state()
    out = np.zeros((len(spectra), 1, HOP), np.float32)

    def step() -> None:
        for frame, hop in zip(spectra[:, None], out, strict=True):
            stage.step(frame, state, hop)

    return step


def _peers(scipy_frames: Spectra, frames: Spectra) -> dict[str, Step]:
    """The peers that are installed, each transforming these frames."""
    steps = {"SciPy ShortTimeFFT": _scipy(scipy_frames)}
    for name, make in (("torch.istft", _torch), ("librosa.istft", _librosa)):
        try:
            steps[name] = make(frames)
        except ImportError:
            continue
    return steps


def _scipy(spectra: Spectra) -> Step:
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    window = hann(N, sym=False).astype(np.float32)
    transform = ShortTimeFFT(window, HOP, 48000)
    columns = np.ascontiguousarray(spectra.T)
    return lambda: transform.istft(columns)


def _torch(spectra: Spectra) -> Step:
    import torch

    torch.set_num_threads(1)
    columns = torch.from_numpy(np.ascontiguousarray(spectra.T))
    window = torch.hann_window(N)
    return lambda: torch.istft(columns, N, HOP, window=window)


def _librosa(spectra: Spectra) -> Step:
    import librosa

    columns = np.ascontiguousarray(spectra.T)
    return lambda: librosa.istft(columns, hop_length=HOP, n_fft=N)


def _per_hop(timing: Timing) -> Timing:
    return Timing(timing.case, timing.samples_ms / FRAMES, timing.cpu_ms / FRAMES)


def _claims(timings: list[Timing], note: str) -> list[Result]:
    """Ours against the fastest peer and against each."""
    ours, peers = timings[0], timings[1:]
    best = min(peers, key=lambda peer: peer.p50)
    rows = [_claim(f"{ours.case.name}.time", ours, best, f"the fastest peer; {note}")]
    for peer in peers:
        name = peer.case.name.split(" ", 1)[1].replace(" ", "_")
        rows.append(_claim(f"{ours.case.name}.against.{name}", ours, peer, note))
    return rows


def _claim(metric: str, ours: Timing, peer: Timing, note: str) -> Result:
    name = peer.case.name.split(" ", 1)[1]
    against = f"{name} {1e3 * peer.p50:.3g} us"
    return Result(metric, 1e3 * ours.p50, "us", against, ours.p50 / peer.p50, note)


def _table(hops: list[Timing], bulks: list[Timing]) -> Table:
    rows = [
        [name, f"{1e3 * hop.p50:.2f}", f"{1e3 * bulk.p50:.2f}"]
        for name, hop, bulk in (
            (hop.case.name.partition(" ")[2] or "ours", hop, bulk)
            for hop, bulk in zip(hops, bulks, strict=True)
        )
    ]
    return Table("Overlap-add, microseconds a hop", ["", "hop by hop", "in bulk"], rows)
