"""FlowSettings: the grid, and the levels of the search that follow from it."""

from dataclasses import dataclass

from synchresis.errors import ParameterError

PATCH = 4
"""Pixels along the side of a patch, except on the finest level."""

FINE_PATCH = 8
"""Pixels along the side of a patch on the finest level, where there is one."""

NOISE = 2.0
"""Grey levels (0 to 255) of residual at which a patch counts half: the noise of a camera."""

PRIOR = 0.5
"""Pull towards a level's start, in the unit of squared gradients: (grey levels per pixel)²."""

SWEEPS = 4
"""Jacobi sweeps over the grid in each iteration."""

LARGEST_STEP = 2.0
"""Pixels an iteration may change a displacement by, along each axis."""

STILL_BIAS = 0.8
"""Standing still is taken where this times its residual's variance is below the found one's."""

CONFIDENT = 4.0
"""Smaller eigenvalue of A (grey levels per pixel)² at which a cell counts half for the motion."""

DOUBT = 0.01
"""What a cell without any texture counts for the global motion."""

SCALES = (8.0, 4.0, 2.0, 1.0, 0.5)
"""Pixels (at a width of 320) away from the global motion at which a cell counts a quarter."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the search, coarse to fine.

    Attributes:
        halvings: how often the picture was halved for it.
        rows: rows of patches; `cols` alike.
        patch: pixels along the side of a patch.
        stride: pixels from patch to patch; patch r starts at r·stride − (patch − stride)/2.
        iterations: Gauss-Newton steps.
        coupling: pull of neighbours on each other, in the unit of squared gradients.
        reach: pixels of difference in displacement at which neighbours count half.
        tries_still: whether standing still is tried at the level's start.
    """

    halvings: int
    rows: int
    cols: int
    patch: int
    stride: int
    iterations: int
    coupling: float
    reach: float
    tries_still: bool


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Size of the analysed picture and of the grid laid over it.

    Attributes:
        height: pixels; a multiple of `rows`.
        width: pixels; a multiple of `cols`.
        rows: rows of cells, even.
        cols: columns of cells, even.
        iterations: Gauss-Newton steps of the levels, coarse to fine.
    """

    height: int = 240
    width: int = 320
    rows: int = 30
    cols: int = 40
    iterations: tuple[int, int, int, int] = (4, 3, 2, 1)

    def __post_init__(self) -> None:
        """Refuse grids whose cells are not squares of 4, 8, 16 … pixels.

        Raises:
            ParameterError: naming the value and the rule.
        """
        if self.rows < 2 or self.cols < 2 or self.rows % 2 or self.cols % 2:
            raise ParameterError(f"rows={self.rows}, cols={self.cols} must be even and at least 2")
        sides = (self.height / self.rows, self.width / self.cols)
        if sides[0] != sides[1] or sides[0] not in {4, 8, 16, 32, 64}:
            raise ParameterError(
                f"height={self.height}, width={self.width} over rows={self.rows}, "
                f"cols={self.cols} must give square cells of 4, 8, 16, 32 or 64 pixels"
            )
        if len(self.iterations) != 4 or min(self.iterations) < 1:
            raise ParameterError(f"iterations={self.iterations} must be four numbers from 1")

    @property
    def cell(self) -> int:
        """Pixels along the side of a cell."""
        return self.height // self.rows

    @property
    def base(self) -> int:
        """Halvings after which a cell has 4 pixels; residual and difference are taken there."""
        return (self.cell // PATCH).bit_length() - 1

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of the search, coarse to fine; the fine one only where a cell has 8 pixels."""
        rows, cols, base = self.rows, self.cols, self.base
        coarse, half, cells, fine = self.iterations
        levels = (
            Level(base + 2, rows // 2, cols // 2, PATCH, 2, coarse, 5.0, 0.3, False),
            Level(base + 1, rows, cols, PATCH, 2, half, 10.0, 0.3, False),
            Level(base, rows, cols, PATCH, 4, cells, 20.0, 0.2, True),
        )
        if base == 0:
            return levels
        finest = Level(base - 1, rows, cols, FINE_PATCH, 8, fine, 40.0, 0.2, False)
        return (*levels, finest)
