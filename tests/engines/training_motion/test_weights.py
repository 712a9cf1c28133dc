import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from synchresis.engines.training.motion.network import MotionNetwork, NetworkSettings  # noqa: E402
from synchresis.engines.training.motion.train import load_network  # noqa: E402
from synchresis.engines.training.motion.weights import write_weights  # noqa: E402
from synchresis.errors import InputError  # noqa: E402


def test_weights_come_back_with_their_sizes(tmp_path):
    sizes = NetworkSettings(pixel=4, fine=8, middle=8, deep=12, embedding=6)
    network = MotionNetwork(sizes)
    write_weights(network, tmp_path / "small.safetensors")
    found = load_network(tmp_path / "small.safetensors")
    assert found.settings == sizes and not found.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, atol=0, rtol=0)


@pytest.mark.parametrize("content", [b"", b"no weights at all, only words"])
def test_other_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.safetensors holds no weights"):
        load_network(path)
