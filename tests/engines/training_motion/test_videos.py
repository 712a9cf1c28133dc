from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")
av = pytest.importorskip("av")

from synchresis.engines.scenes.scene import Scene  # noqa: E402
from synchresis.engines.training.motion.batch import SOUND_BANDS, together  # noqa: E402
from synchresis.engines.training.motion.film import EVENTS  # noqa: E402
from synchresis.engines.training.motion.forwarding import MOST, AudioForwarding  # noqa: E402
from synchresis.engines.training.motion.labels import targets_of  # noqa: E402
from synchresis.engines.training.motion.losses import heard_loss, terms_of  # noqa: E402
from synchresis.engines.training.motion.network import (  # noqa: E402
    MotionNetwork,
    NetworkSettings,
)
from synchresis.engines.training.motion.validate import network_inputs  # noqa: E402
from synchresis.engines.training.motion.videos import (  # noqa: E402
    bands_at,
    cut,
    find_videos,
    read_video,
)
from synchresis.errors import InputError  # noqa: E402


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """A scene with its true sound as a video file, and its true events."""
    path = tmp_path_factory.mktemp("videos") / "class" / "one.mp4"
    path.parent.mkdir()
    scenes = (Scene("stick", seed=seed, duration_s=3.0, size=(160, 120)) for seed in range(40))
    scene = next(scene for scene in scenes if len(scene.events) >= 2)
    write(path, [p for p, _ in scene.frames()], scene.audio)
    return path, np.array([event.t_s for event in scene.events])


def write(path: Path, pictures, sound) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        voice = None if sound is None else container.add_stream("aac", rate=48_000, layout="mono")
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
        if voice is not None:
            frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), "fltp", "mono")
            frame.sample_rate = 48_000
            container.mux(voice.encode(frame))
            container.mux(voice.encode())


def test_a_video_becomes_pictures_flow_and_the_events_of_its_soundtrack(video):
    path, truth = video
    found = read_video(path)
    frames = len(found.captured_s)
    assert 88 <= frames <= 91
    assert found.pixels.shape == (frames, 120, 160) and found.flow.shape == (frames, 4, 30, 40)
    assert found.sound.shape == (frames, SOUND_BANDS)
    loud = found.onsets.time_s
    assert len(loud) >= max(1, len(truth) - 2)
    assert max(np.abs(truth - time).min() for time in loud) < 0.03


def test_a_cut_counts_times_from_its_first_frame_and_knows_no_places(video):
    found = read_video(video[0])
    batch = cut(found, 40, 20)
    assert batch.pixels.shape == (1, 40, 120, 160) and not batch.located.any()
    assert batch.captured_s[0, 0] == 0
    inside = found.onsets.time_s[(found.onsets.time_s > found.captured_s[20])]
    times = batch.event_s[0][torch.isfinite(batch.event_s[0])].numpy()
    np.testing.assert_allclose(times, inside[: len(times)] - found.captured_s[20], atol=1e-5)
    assert batch.event_s.shape == (1, EVENTS)


def test_unlocated_sequences_teach_when_but_not_where(video):
    batch = cut(read_video(video[0]), 40, 0)
    batch.event_s[0, 0] = 0.5
    targets = targets_of(batch, torch.zeros(1))
    assert targets.total.max() == 1
    for value in (targets.near, targets.map_weight, targets.located):
        assert value.abs().max() == 0
    torch.manual_seed(0)
    network = MotionNetwork(NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6))
    inputs = network_inputs(batch, torch.zeros(1))
    terms = terms_of(network(batch.pixels.float()[:, :, None] / 255, *inputs), targets)
    assert terms["dense"] == terms["map"] == terms["levels"] == 0
    assert terms["total"] > 0 and terms["top"] > 0


def test_together_keeps_order(video):
    found = read_video(video[0])
    both = together([cut(found, 30, 0), cut(found, 30, 10)])
    assert both.pixels.shape[0] == 2
    torch.testing.assert_close(both.pixels[1], cut(found, 30, 10).pixels[0])


def test_forwarding_claims_nothing_for_scenes_and_carries_no_timing():
    torch.manual_seed(0)
    forwarding = AudioForwarding()
    claim = forwarding(torch.rand(2, 20, SOUND_BANDS), torch.tensor([True, False]))
    assert claim.shape == (2, 1) and claim[0] == 0 and 0 < claim[1] < MOST


def test_what_the_sound_claims_teaches_the_picture_less():
    logits = torch.tensor([[-3.0]], requires_grad=True)
    target = torch.tensor([[1.0]])
    pulls = []
    for claim in (0.0, 0.4):
        loss = heard_loss(logits, target, torch.tensor([[claim]])).sum()
        pulls.append(float(torch.autograd.grad(loss, logits)[0].abs()))
    plain = float(torch.autograd.grad(heard_loss(logits, target, None).sum(), logits)[0].abs())
    assert pulls[0] == pytest.approx(plain, rel=1e-3)
    assert pulls[1] < 0.2 * pulls[0]


def test_bands_follow_the_sound_in_time():
    age = np.arange(96_000) / 48_000
    sound = np.where(age > 1.0, np.sin(2 * np.pi * 1000 * age), 0.0).astype(np.float32)
    bands = bands_at(sound, np.array([0.5, 1.5]))
    assert bands[0].max() < 0.01 < 0.5 < bands[1].max()


def test_useless_folders_and_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no video files"):
        find_videos(tmp_path)
    silent = tmp_path / "a.mp4"
    write(silent, [np.zeros((64, 64, 3), np.uint8)] * 5, None)
    assert find_videos(tmp_path) == (silent,)
    with pytest.raises(InputError, match="no sound"):
        read_video(silent)
    (tmp_path / "b.mp4").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"b\.mp4"):
        read_video(tmp_path / "b.mp4")
