"""Flow against OpenCV's DIS and Farneback: error on the grid where the truth is known, and time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

import cv2
import numpy as np

from synchresis.bench.case import Case, Step, Timing, measure_together
from synchresis.bench.flow_truth import (
    FlowPair,
    Grey,
    Plane,
    end_point_error,
    flow_pairs,
    grid_mean,
)
from synchresis.bench.options import Options
from synchresis.bench.result import Figure, Lines, Result, Table, timing_results
from synchresis.kernels.flow import Flow, FlowSettings

ROWS, COLS = 30, 40

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}

EQUAL = (
    "same picture pairs, one pinned thread, calls in turn; ours also finds residual, difference "
    "and camera motion and keeps the last picture's pyramid; a peer's time has its downscaling in "
    "it but not the step from dense flow to grid; its error is the lower of mean and median of "
    "each cell"
)

Dense = Callable[[Grey, Grey], Plane]
"""Two pictures → float32[2, h, w] flow in pixels of the pictures as given (not downscaled)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to find flow, with what it cost and how wrong it was.

    Attributes:
        name: as printed.
        errors: mean end-point error in pixels of each case of motion.
        timing: how long a pair took.
    """

    name: str
    errors: dict[str, float]
    timing: Timing

    @property
    def error(self) -> float:
        """Mean over the cases, pixels."""
        return float(np.mean(list(self.errors.values())))


def measure_flow(options: Options, height: int, width: int) -> tuple[list[Result], list[Figure]]:
    """Measure one size of picture against all peers."""
    pairs = list(
        flow_pairs(
            height=height, width=width, per_case=1 if options.quick else 4, seed=options.seed
        )
    )
    label = f"flow.{width}x{height}"
    stage = Flow(FlowSettings(height, width, ROWS, COLS))
    peers = {**dis_configurations(), "Farneback": farneback}
    steps = [(Case(label, repeats=options.repeats(400)), _our_step(stage, pairs))]
    for name, dense in peers.items():
        case = Case(f"{label} {name}", warmup=3, repeats=options.repeats(120))
        steps.append((case, _peer_step(dense, pairs)))
    timings = measure_together(steps)
    ours = Peer("ours", _our_errors(stage, pairs), timings[0])
    others = [
        Peer(name, _peer_errors(dense, pairs), timing)
        for (name, dense), timing in zip(peers.items(), timings[1:], strict=True)
    ]
    results = [*timing_results(timings[0]), *_claims(label, ours, others)]
    return results, [_cost_figure(label, ours, others), _error_table(label, ours, others)]


def dis_configurations() -> dict[str, Dense]:
    """Every DIS preset on pictures of full, half and quarter size."""
    return {
        f"DIS {preset} 1/{shrink}": _dis(code, shrink)
        for preset, code in PRESETS.items()
        for shrink in (1, 2, 4)
    }


def farneback(previous: Grey, current: Grey) -> Plane:
    """Farneback's flow with the settings of OpenCV's tutorial."""
    start = np.zeros((*previous.shape, 2), np.float32)
    flow = cv2.calcOpticalFlowFarneback(previous, current, start, 0.5, 3, 15, 3, 5, 1.2, 0)
    return np.asarray(flow, np.float32).transpose(2, 0, 1)


def fastest_as_good(ours: Peer, others: Sequence[Peer]) -> tuple[Peer, bool]:
    """The fastest DIS whose error is not above ours, True; else the most accurate, False."""
    dis = [peer for peer in others if peer.name.startswith("DIS")]
    as_good = [peer for peer in dis if peer.error <= ours.error]
    if as_good:
        return min(as_good, key=lambda peer: peer.timing.p50), True
    return min(dis, key=lambda peer: peer.error), False


def _dis(preset: int, shrink: int) -> Dense:
    solver = cv2.DISOpticalFlow.create(preset)
    no_guess = np.empty((0,), np.float32)

    def find(previous: Grey, current: Grey) -> Plane:
        if shrink > 1:
            height, width = previous.shape
            size = width // shrink, height // shrink
            previous = np.asarray(cv2.resize(previous, size, interpolation=cv2.INTER_AREA))
            current = np.asarray(cv2.resize(current, size, interpolation=cv2.INTER_AREA))
        flow = np.asarray(solver.calc(previous, current, no_guess), np.float32)
        return flow.transpose(2, 0, 1)

    return find


def _our_step(stage: Flow, pairs: Sequence[FlowPair]) -> Step:
    state = stage.initial_state()
    pictures = cycle([picture for pair in pairs for picture in (pair.previous, pair.current)])
    return lambda: stage.step(next(pictures), 1 / 30, state)


def _peer_step(dense: Dense, pairs: Sequence[FlowPair]) -> Step:
    turn = cycle(pairs)

    def step() -> Plane:
        pair = next(turn)
        return dense(pair.previous, pair.current)

    return step


def _our_errors(stage: Flow, pairs: Sequence[FlowPair]) -> dict[str, float]:
    state, width = stage.initial_state(), stage.settings.width
    aspect = stage.settings.height / width
    errors: dict[str, list[float]] = {}
    for pair in pairs:
        stage.reset_state(state)
        stage.step(pair.previous, 1.0, state)
        flow = stage.step(pair.current, 1.0, state, aspect=aspect).flow * np.float32(width)
        truth = grid_mean(pair.flow, ROWS, COLS)
        errors.setdefault(pair.case, []).append(end_point_error(flow, truth))
    return {case: float(np.mean(found)) for case, found in errors.items()}


def _peer_errors(dense: Dense, pairs: Sequence[FlowPair]) -> dict[str, float]:
    """The lower of the errors with a cell's mean and with its median."""
    errors: dict[str, list[tuple[float, float]]] = {}
    for pair in pairs:
        flow = dense(pair.previous, pair.current)
        flow = flow * np.float32(pair.previous.shape[1] / flow.shape[2])
        truth = grid_mean(pair.flow, ROWS, COLS)
        found = tuple(end_point_error(cells, truth) for cells in (_mean(flow), _median(flow)))
        errors.setdefault(pair.case, []).append((found[0], found[1]))
    by_kind = {case: np.mean(found, axis=0) for case, found in errors.items()}
    best = int(np.argmin(np.mean(list(by_kind.values()), axis=0)))
    return {case: float(found[best]) for case, found in by_kind.items()}


def _mean(flow: Plane) -> Plane:
    return np.asarray(_cells(flow).mean(axis=-1), np.float32)


def _median(flow: Plane) -> Plane:
    return np.asarray(np.median(_cells(flow), axis=-1), np.float32)


def _cells(flow: Plane) -> Plane:
    """Cut [2, h, w] into cells [2, ROWS, COLS, pixels]."""
    _, height, width = flow.shape
    cut = flow.reshape(2, ROWS, height // ROWS, COLS, width // COLS)
    return cut.transpose(0, 1, 3, 2, 4).reshape(2, ROWS, COLS, -1)


def _claims(label: str, ours: Peer, others: Sequence[Peer]) -> list[Result]:
    rival, as_good = fastest_as_good(ours, others)
    fast = next(peer for peer in others if peer.name == "DIS fast 1/1")
    found = "the fastest DIS as accurate" if as_good else "no DIS is as accurate; the nearest one"
    time = Result(
        f"{label}.time",
        ours.timing.p50,
        "ms",
        f"{rival.name} {rival.timing.p50:.3g} ms, error {rival.error:.3f} px",
        ours.timing.p50 / rival.timing.p50,
        f"{found}; {EQUAL}",
    )
    processor = Result(
        f"{label}.processor_time",
        ours.timing.cpu_p50 or 0.0,
        "ms",
        rival.name,
        (ours.timing.cpu_p50 or 0.0) / (rival.timing.cpu_p50 or 1.0),
        "the same, counting only this thread's time on the processor",
    )
    error = Result(
        f"{label}.error",
        ours.error,
        "px",
        f"{fast.name} {fast.error:.3f} px",
        ours.error / fast.error,
        "mean end-point error on 30 x 40 cells, mean over cases",
    )
    return [time, processor, error, *(_against(label, ours, peer) for peer in others)]


def _against(label: str, ours: Peer, peer: Peer) -> Result:
    return Result(
        f"{label}.against.{peer.name.replace(' ', '_')}",
        peer.timing.p50,
        "ms",
        f"{peer.name}, error {peer.error:.3f} px (ours {ours.error:.3f})",
        ours.timing.p50 / peer.timing.p50,
        "value: the peer's time; ratio: ours / the peer's",
    )


def _cost_figure(label: str, ours: Peer, others: Sequence[Peer]) -> Lines:
    series = {peer.name: [(peer.timing.p50, peer.error)] for peer in (ours, *others)}
    caption = "lower left is better; one point per method, preset and input size"
    return Lines(label, "ms a pair, median", "end-point error, px", series, True, caption)


def _error_table(label: str, ours: Peer, others: Sequence[Peer]) -> Table:
    columns = ["case", *(peer.name for peer in (ours, *others))]
    rows = [
        [case, *(f"{peer.errors[case]:.3f}" for peer in (ours, *others))] for case in ours.errors
    ]
    return Table(f"{label}: end-point error on the grid, px", columns, rows)
