import numpy as np
import pytest

from synchresis.kernels.cuda.table import FIT_MOTION
from synchresis.kernels.cuda.twin import Twin
from synchresis.kernels.flow.reference import fit_motion

ROWS, COLS = 30, 40


def fitted(twin: Twin, displacement: np.ndarray, trust: np.ndarray, per_pixel: float) -> np.ndarray:
    arrays = {
        "displacement": displacement.astype(np.float32),
        "trust": trust.astype(np.float32),
        "motion": np.full(6, np.nan, np.float32),
    }
    pointers = {name: array.ctypes.data for name, array in arrays.items()}
    arguments = FIT_MOTION.arguments(**pointers, rows=ROWS, cols=COLS, per_pixel=per_pixel)
    twin.launch(FIT_MOTION, arguments, blocks=1)
    return arrays["motion"]


@pytest.mark.parametrize("per_pixel", [1.0, 0.5])
@pytest.mark.parametrize("outliers", [0.0, 0.2, 0.45])
def test_camera_motion_equals_reference(twin, rng, outliers, per_pixel) -> None:
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, COLS), np.linspace(-0.5, 0.5, ROWS))
    displacement = np.stack([3 + 2 * x - y, -1 + 0.5 * x + 4 * y])
    displacement += rng.normal(scale=0.7, size=displacement.shape)
    gone = rng.uniform(size=(ROWS, COLS)) < outliers
    displacement[:, gone] += np.array([[9.0], [-6.0]])
    trust = rng.gamma(0.5, 8.0, size=(ROWS, COLS))
    want = fit_motion(displacement, trust, per_pixel)
    np.testing.assert_allclose(fitted(twin, displacement, trust, per_pixel), want, atol=3e-5)
