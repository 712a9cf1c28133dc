"""Flow against OpenCV's DIS and Farneback: error on the grid where the truth is known, and time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
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

SHOWN = (Fraction(1), Fraction(1, 2), Fraction(1, 4))
"""Scales of a peer's input that are timed whatever their error; others only where it is low."""

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}

EQUAL = (
    "equal: picture pairs, one pinned thread, calls in turn; DIS at every scale of its input down "
    "to a pixel a cell; not equal: ours also finds residual, difference and camera motion and "
    "keeps the last picture's pyramid; a peer's time has its downscaling in it but not the step "
    "from dense flow to grid"
)

ERROR = (
    "mean end-point error on 30 x 40 cells, mean over cases; equal: pairs and truth; not equal: "
    "ours gives cells, the peer dense flow: the better of a cell's mean and median counts"
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


@dataclass(frozen=True, slots=True)
class FlowContest:
    """All ways to find flow at one size of picture.

    Attributes:
        width: of the pictures.
        height: of the pictures.
        ours: our flow.
        others: the peers that were timed.
        untimed: errors of the DIS configurations that were not: smaller inputs, larger errors.
    """

    width: int
    height: int
    ours: Peer
    others: list[Peer]
    untimed: dict[str, float]

    @property
    def label(self) -> str:
        """For metrics."""
        return f"flow.{self.width}x{self.height}"


def measure_flow(options: Options, height: int, width: int) -> FlowContest:
    """Measure one size of picture against all peers: errors first, then time in turn."""
    per_case = 1 if options.quick else 4
    pairs = list(flow_pairs(height=height, width=width, per_case=per_case, seed=options.seed))
    stage = Flow(FlowSettings(height, width, ROWS, COLS))
    our_errors = _our_errors(stage, pairs)
    peers = {**dis_configurations(width), "Farneback": farneback}
    errors = {name: _peer_errors(dense, pairs) for name, dense in peers.items()}
    timed = worth_timing(_means(errors), float(np.mean(list(our_errors.values()))))
    label = f"flow.{width}x{height}"
    steps = [(Case(label, repeats=options.repeats(400)), _our_step(stage, pairs))]
    for name in timed:
        case = Case(f"{label} {name}", warmup=3, repeats=options.repeats(120))
        steps.append((case, _peer_step(peers[name], pairs)))
    ours, *theirs = measure_together(steps)
    return FlowContest(
        width,
        height,
        Peer("ours", our_errors, ours),
        [Peer(name, errors[name], timing) for name, timing in zip(timed, theirs, strict=True)],
        {name: error for name, error in _means(errors).items() if name not in timed},
    )


def flow_results(contest: FlowContest) -> list[Result]:
    """Our time, and what it claims against the peers."""
    return [*timing_results(contest.ours.timing), *_claims(contest)]


def flow_figures(contests: Sequence[FlowContest]) -> list[Figure]:
    """Cost against size over all sizes; error against cost and error by case at each."""
    figures: list[Figure] = [_size_figure(contests)] if len(contests) > 1 else []
    for contest in contests:
        figures += [_cost_figure(contest), _error_table(contest)]
    return figures


def dis_configurations(width: int) -> dict[str, Dense]:
    """Every DIS preset at every scale that keeps the cells whole, by name, largest first."""
    full = width // COLS
    return {
        f"DIS {preset} {_written(Fraction(part, full))}": _dis(code, Fraction(part, full))
        for preset, code in PRESETS.items()
        for part in range(full, 0, -1)
    }


def worth_timing(errors: Mapping[str, float], limit: float) -> list[str]:
    """Names of the peers to time: the usual scales, and every one whose error is within a limit."""
    usual = {_written(scale) for scale in SHOWN}
    return [
        name
        for name, error in errors.items()
        if error <= limit or not name.startswith("DIS") or name.rpartition(" ")[2] in usual
    ]


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


def _dis(preset: int, scale: Fraction) -> Dense:
    solver = cv2.DISOpticalFlow.create(preset)
    no_guess = np.empty((0,), np.float32)

    def find(previous: Grey, current: Grey) -> Plane:
        if scale < 1:
            height, width = previous.shape
            size = int(width * scale), int(height * scale)
            previous = np.asarray(cv2.resize(previous, size, interpolation=cv2.INTER_AREA))
            current = np.asarray(cv2.resize(current, size, interpolation=cv2.INTER_AREA))
        flow = np.asarray(solver.calc(previous, current, no_guess), np.float32)
        return flow.transpose(2, 0, 1)

    return find


def _written(scale: Fraction) -> str:
    return f"{scale.numerator}/{scale.denominator}"


def _means(errors: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean(list(cases.values()))) for name, cases in errors.items()}


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


def _claims(contest: FlowContest) -> list[Result]:
    label, ours, others = contest.label, contest.ours, contest.others
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
        f"as {label}.time, counting only this thread's time on the processor",
    )
    error = Result(
        f"{label}.error",
        ours.error,
        "px",
        f"{fast.name} {fast.error:.3f} px",
        ours.error / fast.error,
        ERROR,
    )
    return [time, processor, error, *(_against(label, ours, peer) for peer in others)]


def _against(label: str, ours: Peer, peer: Peer) -> Result:
    return Result(
        f"{label}.against.{peer.name.replace(' ', '_')}",
        peer.timing.p50,
        "ms",
        f"{peer.name}, error {peer.error:.3f} px (ours {ours.error:.3f})",
        ours.timing.p50 / peer.timing.p50,
        f"value: the peer's time; what is equal and what is not: as {label}.time",
    )


def _size_figure(contests: Sequence[FlowContest]) -> Lines:
    """Time over the size of the picture: ours and the peers that were timed at every size."""
    series: dict[str, list[tuple[float, float]]] = {}
    for contest in contests:
        for peer in (contest.ours, *contest.others):
            if peer.name in _CURVES:
                series.setdefault(peer.name, []).append((contest.width, peer.timing.p50))
        rival, as_good = fastest_as_good(contest.ours, contest.others)
        if as_good:
            point = (float(contest.width), rival.timing.p50)
            series.setdefault("fastest DIS as accurate as ours", []).append(point)
    caption = "Time of a pair against the picture's width (4 : 3)."
    return Lines("Flow: cost against size", "width, pixels", "ms", series, True, caption)


_CURVES = ("ours", "DIS ultrafast 1/1", "DIS fast 1/1", "DIS medium 1/1", "Farneback")


def _cost_figure(contest: FlowContest) -> Lines:
    """Error against time; the scales of a preset's input make one series."""
    series: dict[str, list[tuple[float, float]]] = {}
    for peer in (contest.ours, *contest.others):
        method = peer.name.rpartition(" ")[0] or peer.name
        series.setdefault(method, []).append((peer.timing.p50, peer.error))
    caption = "Lower left is better. Points of a DIS preset: scales of its input."
    x, y = "ms a pair, median", "end-point error, px"
    return Lines(contest.label, x, y, series, True, caption, joined=False)


def _error_table(contest: FlowContest) -> Table:
    peers = (contest.ours, *contest.others)
    rows = [[case, *(f"{peer.errors[case]:.3f}" for peer in peers)] for case in contest.ours.errors]
    untimed = ", ".join(f"{name[4:]} {error:.3f}" for name, error in contest.untimed.items())
    caption = f"DIS not timed, being less accurate than ours at other scales: {untimed}."
    columns = ["case", *(peer.name for peer in peers)]
    title = f"{contest.label}: end-point error on the grid, px"
    return Table(title, columns, rows, caption if untimed else "")
