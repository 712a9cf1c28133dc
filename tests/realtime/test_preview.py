"""What the preview window draws."""

import numpy as np
import pytest

from synchresis.engines.gesture import Event
from synchresis.errors import DeviceError
from synchresis.realtime import preview
from synchresis.realtime.preview import FLASH_S, Look, Preview, draw_look

GREY = np.full((240, 320), 128, np.uint8)
STILL = np.zeros((30, 40), np.float32)


def warmth(image: np.ndarray) -> np.ndarray:
    return image[..., 2].astype(int) - image[..., 0]


@pytest.mark.parametrize("shape", [(240, 320), (240, 320, 3), (720, 1280, 3), (33, 21)])
def test_every_picture_becomes_a_window_of_its_proportions(shape: tuple[int, ...]) -> None:
    image = draw_look(Look(np.zeros(shape, np.uint8), STILL))
    assert image.dtype == np.uint8
    assert image.shape == (round(640 * shape[0] / shape[1]), 640, 3)


def test_the_map_warms_the_picture_where_it_is_high() -> None:
    motion = STILL.copy()
    motion[:, :20] = 1
    image = draw_look(Look(GREY, motion))
    assert warmth(image[:, 10:300]).min() > 50
    assert np.all(warmth(image[:, 340:620]) == 0)


def test_a_hit_is_drawn_where_it_happened_and_fades() -> None:
    event = Event(0, 0, 1.0, 0.25, 0.5)
    plain = draw_look(Look(GREY, STILL))
    fresh = np.abs(draw_look(Look(GREY, STILL, ((event, 0.0),))).astype(int) - plain)
    assert fresh[:, :320].sum() > 0
    assert fresh[:, 320:].sum() == 0
    aged = draw_look(Look(GREY, STILL, ((event, 0.9 * FLASH_S),)))
    assert aged.max() < draw_look(Look(GREY, STILL, ((event, 0.0),))).max()


def test_the_meter_rises_with_the_level() -> None:
    def filled(peak: float) -> int:
        column = draw_look(Look(GREY, STILL, peak=peak))[:, -7]
        return int((column == preview._METER).all(axis=1).sum())

    assert filled(0.0) == 0
    assert filled(1.0) == 480
    assert 0 < filled(0.01) < filled(0.1) < 480


def test_without_a_screen_the_window_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "has_display", lambda: False)
    with pytest.raises(DeviceError, match="leave it out"):
        Preview()


def test_a_hit_is_shown_for_a_moment_and_keys_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[np.ndarray] = []
    monkeypatch.setattr(preview, "has_display", lambda: True)
    monkeypatch.setattr(preview.cv2, "namedWindow", lambda *args: None)
    monkeypatch.setattr(preview.cv2, "imshow", lambda title, image: shown.append(image))
    monkeypatch.setattr(preview.cv2, "waitKey", lambda wait: ord("q"))
    window, hit = Preview(), (Event(0, 0, 1.0, 0.5, 0.5),)
    for now_ns, events in ((0, hit), (int(0.5e9 * FLASH_S), ()), (int(1.5e9 * FLASH_S), ())):
        assert window.show(GREY, STILL, events, peak=0.0, now_ns=now_ns) == "q"
    plain = draw_look(Look(GREY, STILL))
    assert [np.array_equal(image, plain) for image in shown] == [False, False, True]
