"""Noise scale on real gradients: exact against estimates, the b^(−1/2) law, and that measuring changes nothing."""

import json
import textwrap

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from sgdlab import api
from sgdlab.cli.commands import app
from sgdlab.config import document_of
from sgdlab.errors import ConfigError
from sgdlab.probes.gradient_law import measured_law
from sgdlab.probes.gradients import batch_gradient, example_sums, per_example_method
from sgdlab.probes.noise_run import run_with_noise
from sgdlab.probes.noise_scale import NoiseProbe, noise_probe
from sgdlab.probes.pauses import moments
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import TIMING_COLUMNS, read_history
from sgdlab.streams import generator
from sgdlab.training.start import new_session
from tests.support import ROOT

TWIN = {
    "dataset": {"name": "airfoil-twin", "validation": 0.2},
    "model": {"name": "mlp", "hidden": [6], "activation": "tanh"},
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "batch_size": 16,
    "epochs": 2,
}

MODULES = """
    import torch
    from torch import nn

    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, 1)

        def forward(self, x):
            return self.layer(x) if float(x.sum()) > 0 else 2 * self.layer(x)

    class Mixing(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, 1)

        def forward(self, x):
            return self.layer(x - x.mean(dim=0))

    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))

        def forward(self, x):
            return self.layers(x)
"""

ROW_BY_ROW = """
    import torch
    from torch import nn

    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, 1)

        def forward(self, x):
            return torch.stack([float(row[0] > 9) + self.layer(row) for row in x])
"""


@pytest.fixture
def own(tmp_path):
    """Configs with modules of a user's own, by class name."""
    (tmp_path / "own.py").write_text(textwrap.dedent(MODULES))
    return lambda name: TWIN | {"model": {"name": f"{tmp_path}/own.py:{name}", "input": "flat"}}


def session_of(config, **options):
    return new_session(document_of(config, **options))


def test_streamed_sums_are_those_of_single_backward_passes():
    workload = session_of(TWIN | {"dataset": {"name": "airfoil-twin", "limit": 60}}).workload
    trained = list(workload.model.parameters())
    g = []
    for x, y in zip(workload.train.x, workload.train.y, strict=True):
        loss = ((workload.model(x[None]) - y[None]) ** 2).mean()
        g.append(torch.cat([part.flatten() for part in torch.autograd.grad(loss, trained)]).double().numpy())
    grad_sum, sq_norm_sum = example_sums(workload, "vmap")
    assert grad_sum == pytest.approx(np.sum(g, axis=0), rel=1e-4, abs=1e-5)
    assert sq_norm_sum == pytest.approx(np.sum(np.square(g)), rel=1e-5)
    assert batch_gradient(workload) == pytest.approx(np.mean(g, axis=0), rel=1e-4, abs=1e-6)


def test_the_interval_of_the_estimate_holds_the_exact_noise_scale_at_its_rate():
    """Of 60 repeats at 95 % between 90 and 99 % in the long run: at least 51 here has odds of 1 in 5,000
    against it even at 93 %, and the draws are fixed."""
    workload = session_of(TWIN).workload
    exact = noise_probe(workload, "exact", 2, None).measure(0)
    probe = noise_probe(workload, "pairs", 30, (4, 256))
    held = {"trace": 0, "signal": 0, "scale": 0}
    for repeat in range(60):
        found = probe.measure(repeat)
        assert found.b_simple is not None
        held["trace"] += found.trace_sigma.low <= exact.trace_sigma.estimate <= found.trace_sigma.high
        held["signal"] += found.grad_sq_norm.low <= exact.grad_sq_norm.estimate <= found.grad_sq_norm.high
        held["scale"] += found.b_simple.low <= exact.b_simple.estimate <= found.b_simple.high
    assert min(held.values()) >= 51, held


def test_finite_data_are_corrected_for_when_batches_are_half_of_the_rows():
    workload = session_of(TWIN | {"dataset": {"name": "airfoil-twin", "limit": 100, "validation": 0}}).workload
    exact = noise_probe(workload, "exact", 2, None).measure(0)
    found = noise_probe(workload, "pairs", 2000, (5, 50)).measure(1)
    assert found.trace_sigma.estimate == pytest.approx(exact.trace_sigma.estimate, rel=0.05)
    assert found.grad_sq_norm.estimate == pytest.approx(exact.grad_sq_norm.estimate, rel=0.05)


def test_with_all_rows_as_the_larger_batch_the_squared_norm_is_exact():
    workload = session_of(TWIN).workload
    found = noise_probe(workload, "pairs", 20, None).measure(0)
    assert found.grad_sq_norm.estimate == pytest.approx(
        noise_probe(workload, "exact", 2, None).measure(0).grad_sq_norm.estimate
    )


@pytest.mark.parametrize("sampling", ["shuffle", "replacement"])
def test_the_std_of_a_minibatch_gradient_falls_as_one_over_root_b(sampling):
    workload = session_of(TWIN | {"sampling": sampling}).workload
    exact = noise_probe(workload, "exact", 2, None).measure(0)
    law = measured_law(workload, exact.gradient, exact.trace_sigma.estimate, 0)
    assert law.holds
    assert law.slope.high - law.slope.low < 0.08
    for point in law.points:
        assert point.measured.estimate == pytest.approx(point.predicted, rel=0.1)
    at_256 = np.sqrt(exact.trace_sigma.estimate / 256 * (1 - (256 if sampling == "shuffle" else 1) / 1200))
    assert law.points[-1].predicted == pytest.approx(at_256)


def test_measuring_leaves_the_history_as_it_would_have_been(tmp_path, own):
    config = own("Noisy") | {"evaluate_every": "7 steps"}
    plain = api.train(config, runs_dir=tmp_path, name="plain")
    session = session_of(config)
    folder = RunFolder(tmp_path / "measured")
    folder.path.mkdir()
    run = run_with_noise(session, noise_probe(session.workload, "auto", 5, None), folder, points=5)
    histories = [read_history(path / "history.csv") for path in (plain.path, folder.path)]
    first, second = (each.drop(columns=list(TIMING_COLUMNS)) for each in histories)
    assert first.equals(second)
    assert run.table()["step"].tolist() == [0, 30, 60, 90, 120, 150]


def test_dropout_is_off_and_batchnorm_frozen_while_measuring(own):
    workload = session_of(own("Noisy")).workload
    before = {key: value.clone() for key, value in workload.model.state_dict().items()}
    probe = noise_probe(workload, "exact", 2, None)
    assert probe.measure(0).trace_sigma == probe.measure(1).trace_sigma
    assert all(torch.equal(value, before[key]) for key, value in workload.model.state_dict().items())
    assert all(module.training for module in workload.model.modules())


def test_a_model_that_branches_on_its_whole_batch_has_no_gradients_of_single_rows(own):
    workload = session_of(own("Branching")).workload
    probe = noise_probe(workload, "auto", 5, None)
    assert probe.per_example is None
    assert "not the mean of its rows' gradients" in probe.reason  # the branch looks at the whole batch


def test_a_module_that_vmap_cannot_run_is_looped_over(own, tmp_path):
    (tmp_path / "one.py").write_text(textwrap.dedent(ROW_BY_ROW))
    config = TWIN | {"model": {"name": f"{tmp_path}/one.py:One", "input": "flat"}}
    workload = session_of(config | {"dataset": {"name": "airfoil-twin", "limit": 50}}).workload
    method, reason = per_example_method(workload)
    assert method == "loop"
    assert reason.startswith("vmap fails on this model (RuntimeError")
    linear = session_of(config | {"dataset": {"name": "airfoil-twin", "limit": 50}, "model": "linear"}).workload
    linear.model[0].load_state_dict(workload.model.layer.state_dict())
    assert example_sums(workload, "loop")[1] == pytest.approx(example_sums(linear, "vmap")[1], rel=1e-5)


def test_rows_that_the_model_mixes_are_not_taken_one_by_one(own):
    workload = session_of(own("Mixing")).workload
    assert noise_probe(workload, "auto", 5, None).per_example is None
    with pytest.raises(ConfigError, match=r"--method exact: .* use --method pairs"):
        noise_probe(workload, "exact", 5, None)


def test_a_gradient_lost_in_its_noise_is_unresolved():
    session = session_of(TWIN | {"model": "linear"})
    x, y = session.workload.train.x.double().numpy(), session.workload.train.y.double().numpy()
    w = np.linalg.lstsq(np.hstack([x, np.ones((len(x), 1))]), y, rcond=None)[0]
    with torch.no_grad():  # the least-squares solution: G = 0
        session.workload.model[0].weight.copy_(torch.from_numpy(w[:-1].T))
        session.workload.model[0].bias.copy_(torch.from_numpy(w[-1]))
    assert NoiseProbe(session.workload, None, "", 50, 4, 64).measure(0).b_simple is None


@pytest.mark.parametrize("sizes", [(8,), (8, 8), (8, 5000), (0, 8), ("full", 8)])
def test_senseless_pairs_of_sizes_are_refused(sizes):
    with pytest.raises(ConfigError, match="--batch-sizes"):
        noise_probe(session_of(TWIN).workload, "pairs", 5, sizes)


def test_moments_lie_evenly_or_geometrically_and_end_with_the_run():
    assert moments(100, 4, "even", whole=True) == [0, 25, 50, 75, 100]
    assert moments(1000, 4, "geometric", whole=True) == [0, 1, 10, 100, 1000]
    assert moments(2, 5, "even", whole=True) == [0, 1, 2]
    assert moments(10, 0, "even", whole=True) == [0]


def test_draws_of_one_moment_repeat_and_differ_from_anothers():
    workload = session_of(TWIN).workload
    probe = noise_probe(workload, "pairs", 5, (4, 64))
    first, again, other = probe.measure(3), probe.measure(3), probe.measure(4)
    assert first.trace_sigma == again.trace_sigma != other.trace_sigma
    assert generator(0, "probe", 3, 4).random() != generator(0, "order", 3, 4).random()


def test_b_crit_of_a_study_stands_beside_the_noise_scale(tmp_path):
    study = ROOT / "runs" / "examples" / "default-study"
    b_crit = json.loads((study / "study.json").read_text())["fit"]["b_crit"]["estimate"]
    options = ["--points", "0", "--study", str(study), "--runs-dir", str(tmp_path), "--name", "n"]
    shown = CliRunner().invoke(
        app, ["probe", "noise-scale", "d2l/minibatch-100", "--set", "dataset.name=airfoil-twin", *options]
    )
    assert shown.exit_code == 0, shown.output
    assert f"B_crit {b_crit:.3g} [" in shown.output and "the two are of one kind" in shown.output


def test_the_command_leaves_a_run_folder_with_table_figures_and_notes(tmp_path):
    options = ["--runs-dir", str(tmp_path), "--set", "dataset.name=airfoil-twin", "--points", "2"]
    shown = CliRunner().invoke(app, ["probe", "noise-scale", "d2l/minibatch-100", *options])
    assert shown.exit_code == 0, shown.output
    (folder,) = tmp_path.iterdir()
    assert folder.name.endswith("-noise-scale")
    for name in ("history.csv", "noise-scale.csv", "gradient-std.csv", "noise-scale.png", "gradient-std-step0.png"):
        assert (folder / name).is_file(), name
    assert "law of the minibatch gradient's std at step 0" in shown.output
    words = ["probe", "noise-scale", str(folder), "--points", "1", "--runs-dir", str(tmp_path), "--name", "again"]
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 0, again.output
    assert "the same history, number for number" in again.output


def test_a_diverging_run_keeps_what_was_measured_before(tmp_path):
    changes = ["--set", "dataset.name=airfoil-twin", "--set", "learning_rate=30"]
    options = [*changes, "--points", "10", "--runs-dir", str(tmp_path), "--name", "n"]
    shown = CliRunner().invoke(app, ["probe", "noise-scale", "d2l/minibatch-10", *options])
    assert shown.exit_code == 1
    table = (tmp_path / "n" / "noise-scale.csv").read_text().splitlines()
    assert 2 <= len(table) < 11
    assert "nan" not in "".join(table).lower()
    assert "diverged" in shown.output


def test_a_run_stopped_before_its_first_moment_still_leaves_tables_and_figure(tmp_path):
    from sgdlab.probes.noise_run import NoiseRun, write_noise_run

    run = NoiseRun(noise_probe(session_of(TWIN).workload, "auto", 5, None))
    write_noise_run(run, tmp_path)
    assert (tmp_path / "noise-scale.png").is_file()
    assert len((tmp_path / "noise-scale.csv").read_text().splitlines()) == 1


def test_adam_is_said_to_be_indicative_only():
    session = session_of(TWIN | {"optimizer": "adam"})
    from sgdlab.probes.noise_run import NoiseRun

    assert "indicative only under adam" in NoiseRun(noise_probe(session.workload, "auto", 5, None)).notes[0]
