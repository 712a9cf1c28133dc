"""Peers are what they are said to be: exact versions, the ones the reference was measured with."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEERS = ("librosa", "opencv-python", "scipy", "torch")


def pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["bench"]
    found = (re.fullmatch(r"([\w-]+)==([\d.]+)", requirement) for requirement in extra)
    return {pin[1]: pin[2] for pin in found if pin}


def test_every_peer_is_pinned_to_one_version():
    assert sorted(pins()) == sorted(PEERS)


@pytest.mark.parametrize("peer", PEERS)
def test_reference_kernels_were_measured_against_the_pinned_peers(peer):
    reports = sorted((ROOT / "bench" / "results").glob("*/kernels.json"))
    assert reports
    for report in reports:
        version = json.loads(report.read_text())["host"]["versions"][peer]
        assert version.partition("+")[0] == pins()[peer], report
