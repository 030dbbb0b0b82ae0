"""Settings of all tests, and their fixtures."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests run beside each other; before torch is imported
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import HealthCheck, settings

from tests.support import SHARED_DATA, TINY, write_config

settings.register_profile(
    "sgdlab",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("sgdlab")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test writes lands in the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def local_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with airfoil's file beside the checkout, or a skip that says so."""
    if not (SHARED_DATA / "airfoil_self_noise.dat").exists():
        pytest.skip(f"{SHARED_DATA} is not here: airfoil cannot be loaded without the network")
    monkeypatch.setenv("SGDLAB_DATA", str(SHARED_DATA))
    return SHARED_DATA


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """TINY as a file."""
    return write_config(tmp_path / "tiny.yaml", TINY)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """An absent folder for runs; what a refused command leaves there is an error."""
    return tmp_path / "runs"
