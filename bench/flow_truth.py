"""Picture pairs whose true flow is known: textured layers that move over each other.

A pair is painted at twice its size from layers (background first). Each layer has a texture, an
outline and an affine motion; the next picture shows each layer at its moved place, so objects hide
and uncover what lies behind them. Then come averaging to the final size, an exposure change, noise
and rounding to grey levels, as a camera has them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Plane = NDArray[np.float32]
Affine = NDArray[np.float64]
"""float64[2, 3]: pixels from the picture's centre, now → in the next picture."""

_FINE = 2
_BASE_WIDTH = 320


@dataclass(frozen=True, slots=True)
class FlowPair:
    """Two pictures and the motion between them.

    Attributes:
        case: what kind of motion this is.
        previous: uint8[H, W].
        current: uint8[H, W].
        flow: float32[2, H, W], true displacement in pixels of what each pixel of `previous` shows.
    """

    case: str
    previous: Grey
    current: Grey
    flow: Plane


@dataclass(frozen=True, slots=True)
class Case:
    """How a kind of pair is drawn; lengths are pixels at a width of 320."""

    name: str
    camera: Callable[[np.random.Generator], Affine]
    objects: int = 0
    speed: float = 0.0
    slimness: float = 0.6
    noise: float = 1.5
    exposure: float = 0.0


@dataclass(frozen=True, slots=True)
class _Layer:
    texture: Plane
    motion: Affine
    outline: Plane | None


def still(_: np.random.Generator) -> Affine:
    """Return the motion of a camera on a stand."""
    return _affine(0.0, 1.0, (0.0, 0.0))


def slide(reach: float) -> Callable[[np.random.Generator], Affine]:
    """Return a drawer of translations up to `reach` pixels."""

    def draw(rng: np.random.Generator) -> Affine:
        angle, length = rng.uniform(0, 2 * np.pi), reach * rng.uniform(0.3, 1.0)
        return _affine(0.0, 1.0, (length * np.cos(angle), length * np.sin(angle)))

    return draw


def turn(radians: float, zoom: float = 0.0) -> Callable[[np.random.Generator], Affine]:
    """Return a drawer of rotations and zooms up to these rates per picture."""

    def draw(rng: np.random.Generator) -> Affine:
        signs = rng.choice([-1.0, 1.0], 2) * rng.uniform(0.4, 1.0, 2)
        return _affine(radians * signs[0], 1.0 + zoom * signs[1], (0.0, 0.0))

    return draw


CASES = (
    Case("translation small", slide(1.0)),
    Case("translation", slide(5.0)),
    Case("translation large", slide(12.0)),
    Case("rotation", turn(0.03)),
    Case("zoom", turn(0.0, 0.03)),
    Case("objects", still, objects=5, speed=4.0),
    Case("objects fast", still, objects=4, speed=12.0),
    Case("sticks", still, objects=4, speed=8.0, slimness=0.12),
    Case("objects, camera shake", slide(2.0), objects=4, speed=6.0),
    Case("objects, noise", still, objects=5, speed=4.0, noise=6.0),
    Case("objects, exposure", slide(0.5), objects=5, speed=4.0, exposure=0.06),
)


def flow_pairs(
    *, height: int = 240, width: int = 320, per_case: int = 4, seed: int = 0
) -> Iterator[FlowPair]:
    """Draw `per_case` pairs of every case, the same ones for the same seed."""
    for number, case in enumerate(CASES):
        for index in range(per_case):
            rng = np.random.default_rng([seed, number, index])
            yield draw_pair(case, rng, height, width)


def draw_pair(case: Case, rng: np.random.Generator, height: int, width: int) -> FlowPair:
    """Draw one pair of a case."""
    scale = width / _BASE_WIDTH
    layers = [_Layer(_texture(rng, height, width), _scaled(case.camera(rng), scale), None)]
    layers.extend(_object(case, rng, height, width) for _ in range(case.objects))
    previous, flow = _paint([replace(layer, motion=still(rng)) for layer in layers], layers)
    current, _ = _paint(layers, layers)
    gain = 1.0 + case.exposure * rng.choice([-1.0, 1.0])
    before, after = (
        np.clip(np.rint(p * g + rng.normal(0, case.noise, p.shape)), 0, 255).astype(np.uint8)
        for p, g in ((previous, 1.0), (current, gain))
    )
    return FlowPair(case.name, before, after, flow)


def grid_mean(plane: Plane, rows: int, cols: int) -> Plane:
    """Return the mean of `plane` [..., H, W] in each cell: float32[..., rows, cols]."""
    *lead, height, width = plane.shape
    cells = plane.reshape(*lead, rows, height // rows, cols, width // cols)
    return np.asarray(cells.mean(axis=(-3, -1), dtype=np.float64), np.float32)


def end_point_error(flow: Plane, truth: Plane) -> float:
    """Return the mean length of flow − truth, both [2, rows, cols]."""
    return float(np.hypot(*(flow - truth)).mean())


def _affine(radians: float, zoom: float, shift: tuple[float, float]) -> Affine:
    c, s = zoom * np.cos(radians), zoom * np.sin(radians)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def _scaled(motion: Affine, scale: float) -> Affine:
    return np.asarray(motion * np.array([[1.0, 1.0, scale]]))


def _object(case: Case, rng: np.random.Generator, height: int, width: int) -> _Layer:
    """Draw an ellipse or rectangle that shifts and turns about its own centre."""
    scale = width / _BASE_WIDTH
    centre = rng.uniform(-0.4, 0.4, 2) * (width, height)
    long = rng.uniform(25, 60) * scale
    short = max(long * case.slimness * rng.uniform(0.7, 1.3), 3 * scale)
    tilt = rng.uniform(0, np.pi)
    x, y = _coordinates(height, width)
    x, y = x - centre[0], y - centre[1]
    along, across = x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)
    power = rng.choice([2.0, 8.0])
    outline = (np.abs(along / long) ** power + np.abs(across / short) ** power < 1).astype(
        np.float32
    )
    spin = _affine(rng.uniform(-0.05, 0.05), 1.0, (0.0, 0.0))
    shift = slide(case.speed)(rng)[:, 2] * scale
    spin[:, 2] = centre - spin[:, :2] @ centre + shift
    return _Layer(_texture(rng, height, width), spin, outline)


def _texture(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Draw grey levels: noise of several octaves over flat patches with edges."""
    fine_h, fine_w = _FINE * height, _FINE * width
    picture = np.zeros((fine_h, fine_w), np.float32)
    amplitude, cells = 1.0, int(rng.choice([4, 8]))
    while cells <= width // 2:
        coarse = rng.standard_normal((max(cells * height // width, 2), cells)).astype(np.float32)
        picture += amplitude * cv2.resize(coarse, (fine_w, fine_h), interpolation=cv2.INTER_CUBIC)
        amplitude, cells = amplitude * rng.uniform(0.6, 0.8), 2 * cells
    picture += 0.7 * _flats(rng, fine_h, fine_w)
    picture = (picture - picture.mean()) / picture.std()
    return np.asarray(rng.uniform(80, 175) + rng.uniform(12, 38) * picture, np.float32)


def _flats(rng: np.random.Generator, height: int, width: int) -> Plane:
    picture = np.zeros((height, width), np.float32)
    for _ in range(12):
        corners = rng.uniform(0, 1, (3, 2)) * (width, height)
        cv2.fillPoly(picture, [corners.astype(np.int32)], float(rng.normal()))
    return picture


def _paint(placed: list[_Layer], moving: list[_Layer]) -> tuple[Plane, Plane]:
    """Paint the layers where `placed` puts them; give each pixel its layer's motion."""
    height, width = (s // _FINE for s in placed[0].texture.shape)
    x, y = _coordinates(height, width)
    picture = np.zeros(x.shape, np.float32)
    flow = np.zeros((2, *x.shape), np.float32)
    for layer, mover in zip(placed, moving, strict=True):
        map_x, map_y = _sampling(layer.motion, x, y)
        shown = cv2.remap(layer.texture, map_x, map_y, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)
        inside = np.ones(x.shape, np.float32)
        if layer.outline is not None:
            outline = cv2.remap(layer.outline, map_x, map_y, cv2.INTER_LINEAR)
            inside = np.asarray(outline, np.float32)
        picture += inside * (shown - picture)
        m = mover.motion
        flow[0] += inside * (m[0, 0] * x + m[0, 1] * y + m[0, 2] - x - flow[0])
        flow[1] += inside * (m[1, 0] * x + m[1, 1] * y + m[1, 2] - y - flow[1])
    cells = (2, height, width)
    return grid_mean(picture, height, width), grid_mean(flow, *cells[1:])


def _coordinates(height: int, width: int) -> tuple[Plane, Plane]:
    """Return x and y of the fine picture's points, in pixels from the centre: float32[2H, 2W]."""
    columns = (np.arange(_FINE * width, dtype=np.float32) + 0.5) / _FINE - width / 2
    rows = (np.arange(_FINE * height, dtype=np.float32) + 0.5) / _FINE - height / 2
    x, y = np.meshgrid(columns, rows)
    return x.astype(np.float32), y.astype(np.float32)


def _sampling(motion: Affine, x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """Return where in the fine texture the moved layer's points come from."""
    inverse = np.linalg.inv(np.vstack([motion, [0.0, 0.0, 1.0]]))
    height, width = x.shape
    from_x = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
    from_y = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
    map_x = _FINE * from_x + (width - 1) / 2
    map_y = _FINE * from_y + (height - 1) / 2
    return map_x.astype(np.float32), map_y.astype(np.float32)
