import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synchresis.engines.training.voice.attack import gate_taps, gated, settle  # noqa: E402


def spectra(sound: np.ndarray) -> torch.Tensor:
    spectrum = np.fft.rfft(sound)
    return torch.from_numpy(np.stack([spectrum.real, spectrum.imag], axis=1)).float()


def sounds(spectrum: torch.Tensor) -> np.ndarray:
    made = spectrum.numpy()
    return np.fft.irfft(made[:, 0] + 1j * made[:, 1])


def test_the_gate_keeps_what_follows_the_onset_and_drops_what_is_before() -> None:
    noise = np.random.default_rng(0).standard_normal((4, 1024))
    kept = sounds(gated(spectra(noise), gate_taps()))
    np.testing.assert_allclose(kept[:, 50:620], noise[:, 50:620], atol=0.1)
    assert np.abs(kept[:, 760:960]).max() < 0.05
    half = np.median(kept[:, 1000] / noise[:, 1000])
    assert half == pytest.approx(0.5, abs=0.05)


def test_settled_phases_sound_after_the_onset_with_the_magnitudes_given(
    rng: np.random.Generator,
) -> None:
    decay = np.exp(-np.arange(1024) / 60.0)
    magnitude = np.abs(np.fft.rfft(rng.standard_normal((8, 1024)) * decay))
    phases = rng.uniform(-np.pi, np.pi, magnitude.shape)
    before = sounds(spectra(np.fft.irfft(magnitude * np.exp(1j * phases))))
    unit = settle(
        torch.from_numpy(magnitude).float(), torch.from_numpy(phases).float(), gate_taps()
    )
    np.testing.assert_allclose(unit.square().sum(1).numpy(), 1.0, atol=0.02)
    after = sounds(torch.from_numpy(magnitude).float()[:, None] * unit)
    early = [
        np.square(sound[:, 720:980]).sum() / np.square(sound).sum() for sound in (before, after)
    ]
    assert early[0] > 0.1
    assert early[1] < 0.15 * early[0]


def test_phases_of_a_sound_behind_its_onset_stay() -> None:
    place = np.arange(1024)
    tone = np.where(place < 600, np.sin(0.2 * place) * np.exp(-place / 150), 0.0)[None]
    spectrum = np.fft.rfft(tone)
    phases = torch.from_numpy(np.angle(spectrum)).float()
    unit = settle(torch.from_numpy(np.abs(spectrum)).float(), phases, gate_taps())
    made = sounds(torch.from_numpy(np.abs(spectrum)).float()[:, None] * unit)
    assert np.sqrt(np.square(made - tone).mean() / np.square(tone).mean()) < 0.1
