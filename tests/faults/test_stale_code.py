"""Machine code of the native engine is never older than its sources: an edited or renamed file compiles anew.

Compiling takes seconds, so the whole of it belongs to the long tests (see faulty.FULL).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sgdlab.training.engines.native import steps
from tests.faults.faulty import FULL
from tests.support import ROOT

NATIVE = Path("sgdlab/training/engines/native")
ONE_STEP = """
import numpy as np
from sgdlab.training.engines.native import spec, steps

kernel = steps.training_kernel()
told = spec.make_spec([1, 1], [False], "relu", "logits", "half_mse", "sgd")
w, slots, losses = spec.aligned_zeros(16), spec.aligned_zeros(2, 16), np.zeros(1)
x, y, order = np.ones((1, 1), np.float32), np.ones((1, 1), np.float32), np.zeros(1, np.int64)
kernel(x, order[:0], y, order, np.array([0, 1]), np.array([0.5]), 0, w, slots, told, np.zeros(5),
       spec.aligned_zeros(spec.workspace_size(told)), losses)
print(w[0], sum(kernel.stats.cache_hits.values()))
"""


def test_fingerprint_is_another_one_once_a_file_is_edited_renamed_or_gone(tmp_path: Path) -> None:
    shutil.copytree(ROOT / NATIVE, tmp_path / "native")
    rules, renamed = tmp_path / "native" / "update_rules.py", tmp_path / "native" / "update_rule.py"
    seen = [steps.fingerprint(tmp_path / "native")]
    assert seen == [steps.fingerprint()]
    rules.rename(renamed)
    seen.append(steps.fingerprint(tmp_path / "native"))
    renamed.write_text(renamed.read_text().replace("1e-30", "1e-31"))
    seen.append(steps.fingerprint(tmp_path / "native"))
    renamed.unlink()
    seen.append(steps.fingerprint(tmp_path / "native"))
    assert len(set(seen)) == 4


@pytest.mark.skipif(not FULL, reason="compiles the kernels three times; SGDLAB_FAULTS=full asks for it")
def test_a_fresh_process_runs_what_the_sources_say_now(tmp_path: Path) -> None:
    """One step from w = 0 at rate 1/2 on (w - 1)^2 / 2 gives 1/2; a sign in the rule, then its file, are changed."""
    shutil.copytree(ROOT / "sgdlab", tmp_path / "sgdlab", ignore=shutil.ignore_patterns("__pycache__"))

    def one_step() -> list[str]:
        places = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        command = [sys.executable, "-c", ONE_STEP]
        done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert one_step() == ["0.5", "0"]
    assert one_step() == ["0.5", "1"]  # from the cache
    rules = tmp_path / NATIVE / "update_rules.py"
    before = rules.read_text()
    rules.write_text(before.replace("return w - (g + w * factors.decay)", "return w + (g + w * factors.decay)"))
    assert rules.read_text() != before
    assert one_step() == ["-0.5", "0"]
    rules.write_text(before)
    rules.rename(rules.with_name("rules_of_update.py"))
    for path in (tmp_path / NATIVE).glob("*.py"):
        path.write_text(path.read_text().replace("update_rules", "rules_of_update"))
    assert one_step() == ["0.5", "0"]
