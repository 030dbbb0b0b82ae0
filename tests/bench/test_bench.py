"""The benchmarks: what they count, whom they run, what their tables hold; never how long anything took."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sgdlab.bench import engines, matmul, scale, step, timing
from sgdlab.bench.plain_loop import PLAIN, plain_loop, plain_optimizer, plain_training
from sgdlab.bench.production import engine_configs, production
from sgdlab.bench.roofline import parameter_bytes, passes, roofline_seconds
from sgdlab.bench.synthetic import synthetic
from sgdlab.bench.timing import Sample, interleaved, spread, steps_to_time, times_faster
from sgdlab.config import Config, Document, build_config
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import ConfigError, EngineError, RunFailed
from sgdlab.training import loop
from sgdlab.training.engines.base import build_workload
from sgdlab.training.engines.eager import EagerEngine
from sgdlab.training.engines.native.engine import NativeEngine
from sgdlab.training.engines.select import ENGINES, step_flops
from sgdlab.training.loop import Position, Training, train
from sgdlab.training.resolve import resolve
from sgdlab.training.sampling import batch_plan
from tests.support import sgdlab

CONDITIONS = {"cpu", "cores", "pinned_core", "platform", "sgdlab", "python", "torch", "numpy", "numba"}


@pytest.fixture(scope="module")
def data() -> PreparedData:
    return synthetic(50, 6, 3, "classification")


def config_of(data: PreparedData, **values: Any) -> Config:
    given = {"model": {"name": "mlp", "hidden": [4]}, "batch_size": 8, "epochs": 3, "device": "cpu", "threads": 1}
    return resolve(build_config(Document(given | values)), data).config


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of one step: tests look at tables, not at times."""
    monkeypatch.setattr(timing, "steps_to_time", lambda run, epoch, at_least, at_most: 2)
    monkeypatch.setattr(step, "product_rate", lambda: 1e10)
    monkeypatch.setattr(step, "pass_rate", lambda size_bytes: 1e10)


# --- matrix products ------------------------------------------------------------------------------


def test_a_product_counts_two_flops_for_each_multiply_add() -> None:
    assert matmul.product_flops(3, 4, 5) == 2 * 3 * 4 * 5
    assert matmul.product_flops(256, 256, 256) == 33_554_432


@pytest.mark.parametrize("shape", [(7, 5, 3), (64, 64, 64), (33, 130, 20)])  # 130 columns: two blocks and a rest
def test_the_four_methods_give_the_same_product(shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    generator = torch.Generator().manual_seed(0)
    # small whole numbers: every sum is exact in float32, in whatever order it is taken
    b = torch.randint(-8, 9, (m, k), generator=generator).float()
    c = torch.randint(-8, 9, (k, n), generator=generator).float()
    for name, product in matmul.PRODUCTS.items():
        a = torch.full((m, n), torch.nan)
        product(a, b, c)
        assert torch.equal(a.double(), b.double() @ c.double()), name


def test_matmul_table_has_each_method_with_gflops_by_2mnk() -> None:
    table = matmul.matmul_table(16, 3, 1)
    assert list(table["method"]) == list(matmul.PRODUCTS)
    assert {"seconds", "seconds_low", "seconds_high", "gflops", "ratio_to_whole", "threads"} <= {*table}
    np.testing.assert_allclose(table["gflops"], 2 * 16**3 / table["seconds"] / 1e9)
    assert table.set_index("method").loc["whole", "ratio_to_whole"] == 1
    assert "chapter_printed" not in table  # the chapter's figures are for 256


def test_the_chapters_figures_are_corrected_by_its_own_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matmul, "SAMPLE_SECONDS", 1e-9)
    table = matmul.matmul_table(256, 1, 1).set_index("method")
    assert table.loc["element by element", "rows_timed"] == 1
    corrected = table["chapter_corrected"] / table["chapter_printed"]
    np.testing.assert_allclose(corrected, 0.033554432 / 2)


def test_the_number_of_torch_threads_is_put_back() -> None:
    before = torch.get_num_threads()
    matmul.matmul_table(4, 1, before + 1)
    assert torch.get_num_threads() == before


# --- timing ---------------------------------------------------------------------------------------


def test_contenders_take_turns_and_every_round_goes_through_all() -> None:
    turns: list[str] = []

    def work(name: str) -> float:
        turns.append(name)
        return float(len(turns))

    found = interleaved([lambda: work("a"), lambda: work("b"), lambda: work("c")], 3)
    assert "".join(turns) == "abc" + "cba" + "abc"
    assert [len(values) for values in found] == [3, 3, 3]


def test_ratios_pair_the_samples_of_a_round() -> None:
    slow_moments = np.array([1.0, 10.0, 100.0])
    assert times_faster(2 * slow_moments, 6 * slow_moments) == 3
    assert spread(slow_moments).median == 10
    assert (spread(slow_moments).smallest, spread(slow_moments).largest) == (1, 100)


@pytest.mark.parametrize(
    ("step_seconds", "epoch", "expected"),
    [(1e-4, 100, 500), (1e-4, 10_000, 5_000), (1e-5, 125, 5_000), (1.0, 1, 1), (3e-3, 160, 160)],
)
def test_a_sample_is_whole_epochs_or_a_part_of_a_long_one(step_seconds: float, epoch: int, expected: int) -> None:
    def run(steps: int) -> Sample:
        return Sample(steps * step_seconds, steps, steps)

    assert steps_to_time(run, epoch, 0.05, 0.5) == pytest.approx(expected, abs=1)


# --- the production path --------------------------------------------------------------------------


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_a_contender_trains_as_the_production_loop_does(
    data: PreparedData, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(data, engine=engine)
    seen: list[tuple[int, list[int]]] = []
    kind, original = ENGINES[engine], ENGINES[engine].run

    def spy(self: Any, segment: Any) -> Any:
        assert type(self) is kind
        seen.append((segment.first_step, segment.indices.tolist()))
        return original(self, segment)

    monkeypatch.setattr(kind, "run", spy)
    sample = production(config, data)(14)
    rows = [row for _, indices in seen for row in indices]
    plan = batch_plan(config, len(data.train))
    assert rows == [*plan.order(0), *plan.order(1)]  # 14 steps of 8: two epochs of 50 rows, in the order of a run
    assert (sample.steps, sample.examples) == (14, 100)
    assert max(len(indices) for _, indices in seen) <= 50  # segments end at evaluations


def test_nothing_is_evaluated_on_the_clock(data: PreparedData, monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluated(training: Any) -> None:
        raise AssertionError("evaluated")

    monkeypatch.setattr(loop, "measure", evaluated)
    assert production(config_of(data, engine="eager"), data)(20).steps == 20


def test_divergence_is_told_with_a_remedy(data: PreparedData) -> None:
    config = config_of(data, engine="eager", optimizer="sgd", learning_rate=1e30)
    with pytest.raises(RunFailed, match=r"no longer finite at step \d+; .*--set learning_rate="):
        production(config, data)(50)


def test_engines_that_refuse_are_passed_over_unless_named(data: PreparedData) -> None:
    config = config_of(data, optimizer="rmsprop", engine="auto")
    configs, refusals = engine_configs(config, data)
    assert list(configs) == ["eager"]
    assert len(refusals) == 1 and "rmsprop" in refusals[0]
    with pytest.raises(EngineError, match="rmsprop"):
        engine_configs(config, data, ["native"])


# --- the plain loop -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "loss"),
    [("adam", "cross_entropy"), ({"name": "sgd", "momentum": 0.9, "weight_decay": 0.01}, "mse")],
)
def test_the_plain_loop_trains_the_same_as_eager(optimizer: Any, loss: str) -> None:
    data = synthetic(50, 6, 3, "classification" if loss == "cross_entropy" else "regression")
    config = config_of(data, optimizer=optimizer, learning_rate=0.01, engine="eager")
    workload, peer = build_workload(config, data), build_workload(config, data)
    training = Training(workload, EagerEngine(workload), Position(due=False))
    for _ in train(training):
        pass
    assert training.position.step == 21
    plan = batch_plan(config, 50)
    rule = plain_optimizer(config, peer.model)
    order = lambda epoch: torch.from_numpy(plan.order(epoch))  # noqa: E731
    plain_loop(peer, rule, 8, 21, order)
    before = build_workload(config, data).model.state_dict()
    for name, value in peer.model.state_dict().items():
        # the fused and the plain rule round differently: a few float32 roundings in each of 21 steps
        torch.testing.assert_close(value, workload.model.state_dict()[name], rtol=1e-5, atol=1e-6)
        assert not torch.equal(value, before[name])


def test_the_plain_loop_uses_torchs_default_rule_and_stops_in_mid_epoch(data: PreparedData) -> None:
    config = config_of(data)
    workload = build_workload(config, data)
    rule = plain_optimizer(config, workload.model)
    assert not any(group["fused"] for group in rule.param_groups)
    asked: list[int] = []

    def order(epoch: int) -> torch.Tensor:
        asked.append(epoch)
        return torch.arange(50)

    plain_loop(workload, rule, 8, 9, order)
    assert asked == [0, 1]
    assert {int(state["step"]) for state in rule.state.values()} == {9}
    sample = plain_training(config, data)(9)
    assert (sample.steps, sample.examples) == (9, 66)  # 50 rows and two batches of 8


# --- the roofline ---------------------------------------------------------------------------------


def test_the_roofline_counts_products_and_passes(data: PreparedData) -> None:
    config = config_of(data)
    weights = [6 * 4, 4 * 3]
    flops = 2 * 8 * (3 * sum(weights) - weights[0])
    assert step_flops(config, data) == flops
    assert parameter_bytes(config, data) == 4 * (6 * 4 + 4 + 4 * 3 + 3)
    seconds = roofline_seconds(config, data, np.array([100.0]), np.array([10.0]))
    assert seconds == pytest.approx(flops / 100 + 6 * 172 / 10)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [("sgd", 2), ({"name": "sgd", "momentum": 0.9}, 4), ("adam", 6), ("adamw", 6), ("rmsprop", 4), ("adagrad", 4)],
)
def test_passes_follow_what_the_rule_keeps(data: PreparedData, optimizer: Any, expected: int) -> None:
    assert passes(config_of(data, optimizer=optimizer)) == expected


# --- tables ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
def test_step_table_has_every_contender_at_every_size(data: PreparedData) -> None:
    contenders, _ = step.contenders_of(config_of(data, engine="auto"), data, [1, 8, "full"])
    table = step.step_table(contenders, data, 2)
    expected = [(name, size) for size in (1, 8, 50) for name in (*ENGINES, PLAIN, step.ROOFLINE)]
    assert list(zip(table["engine"], table["batch_size"], strict=True)) == expected
    assert (table.loc[table["engine"] == PLAIN, "times_plain"] == 1).all()
    assert (table.loc[table["engine"] == step.ROOFLINE, "times_roofline"] == 1).all()
    assert (table["repeats"] == 2).all() and (table["step_us_min"] <= table["step_us_max"]).all()
    assert set(table["threads"]) == {1}


@pytest.mark.usefixtures("quick")
def test_examples_a_second_are_those_of_the_sample(data: PreparedData) -> None:
    contenders, _ = step.contenders_of(config_of(data), data, ["full", 50], engines=["eager"])
    table = step.step_table(contenders, data, 1)
    assert len(table) == 3  # 50 rows are the full batch
    np.testing.assert_allclose(table["examples_per_second"] * table["step_us"] / 1e6, 50)


@pytest.mark.usefixtures("quick")
def test_auto_alone_is_measured_without_baselines_by_the_engine_that_it_takes(data: PreparedData) -> None:
    config = config_of(data, optimizer="rmsprop", engine="auto")
    contenders, absent = step.contenders_of(config, data, [8], None, ["auto"], baseline=False)
    table = step.step_table(contenders, data, 1)
    assert table[["engine", "taken", "batch_size"]].to_numpy().tolist() == [["auto", "eager", 8]] and not absent
    assert table[["times_plain", "times_roofline"]].isna().all(axis=None)
    both, _ = step.contenders_of(config, data, [8], 1, ["auto", "eager"], baseline=True)
    assert [each.engine for each in both] == ["auto", "eager", PLAIN]


def test_a_knee_at_the_largest_size_is_said_to_be_open_unless_that_is_all_rows() -> None:
    sizes = pd.DataFrame({"engine": "auto", "batch_size": [8, 64], "examples_per_second": [10.0, 50.0]})
    (opened,) = step.knees_in_words(sizes.assign(rows=1000))
    assert "knee of auto: batch size 64" in opened and "a larger one may be faster still" in opened
    (closed,) = step.knees_in_words(sizes.assign(rows=64))
    assert "faster still" not in closed


def test_default_batch_sizes_lie_within_the_rows() -> None:
    assert step.default_batch_sizes(50, 4) == [1, 4, 16, "full"]
    assert step.default_batch_sizes(8, 2) == [1, 2, 4, "full"]
    assert step.default_batch_sizes(10**6, 4) == [1, 4, 16, 64, 256, 1024, 4096]


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "half"])
def test_impossible_batch_sizes_are_refused(data: PreparedData, size: Any) -> None:
    with pytest.raises(ConfigError, match="--batch-sizes"):
        step.contenders_of(config_of(data), data, [size])
    with pytest.raises(ConfigError, match="above the 50 training rows"):
        step.contenders_of(config_of(data), data, [51])


def test_absent_peers_are_named(data: PreparedData, monkeypatch: pytest.MonkeyPatch) -> None:
    from sgdlab.bench import peers

    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    contenders, absent = step.contenders_of(config_of(data), data, [8], peers=True)
    assert [name.partition(":")[0] for name in absent] == ["scikit-learn", "Lightning", "Keras", "JAX"]
    assert "DataLoader" in {contender.engine for contender in contenders}


def test_the_dataloader_peer_sees_every_row_of_whole_epochs(data: PreparedData) -> None:
    from sgdlab.bench.peers import data_loader

    sample = data_loader(config_of(data), data)(8)
    assert (sample.steps, sample.examples) == (14, 100)


def test_auto_is_judged_in_forty_cases_with_those_that_were_slow_once() -> None:
    cases = {(network.name, size) for network in engines.NETWORKS for size in network.batch_sizes}
    assert len(cases) == 40
    names = {network.name for network in engines.NETWORKS}
    assert {"20-8-2 relu", "784-256-128-10 tanh", "784-1000-10 relu", "3000-64-1 relu"} <= names
    assert all("full" in network.batch_sizes for network in engines.NETWORKS)
    sizes = [(network, size) for network in engines.NETWORKS for size in network.batch_sizes]
    assert all(size == "full" or int(size) < network.rows for network, size in sizes)


@pytest.mark.parametrize("network", engines.NETWORKS, ids=lambda network: network.name)
def test_every_case_is_supported_by_the_native_engine(network: engines.Network) -> None:
    for size in network.batch_sizes:
        assert NativeEngine.refusal(engines._config(network, size)) is None


@pytest.mark.usefixtures("quick")
def test_engines_table_sets_auto_against_eagers_best_threads() -> None:
    networks = [engines.Network((5, 1), 20, (4, "full"), "sgd"), engines.Network((4, 3, 2), 20, (1,))]
    table = engines.engines_table(2, networks, cores=2)
    assert list(table["batch_size"]) == [4, 20, 1]
    assert set(table["engine"]) == {"native"} and set(table["eager_threads"]) <= {1, 2}
    assert (table["ratio"] > 0).all()


@pytest.mark.usefixtures("quick")
def test_where_auto_takes_eager_both_times_come_from_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    network = engines.Network((5, 1), 20, (4,), {"name": "sgd"})
    case = engines._case(network, 4, cores=1)
    eager = case.chosen.model_copy(update={"engine": "eager", "threads": 1})
    only_eager = {key: run for key, run in case.runs.items() if key[0] == "eager"}
    assert engines._measured(engines._Case(network, eager, only_eager, case.epoch), 3)["ratio"] == 1


@pytest.mark.parametrize(("cores", "expected"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_eager_is_tried_on_doublings_and_all_cores(cores: int, expected: list[int]) -> None:
    assert engines.threads_to_try(cores) == expected


def test_rows_table_grows_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "LEAST_EXAMPLES", 200)
    table = scale.rows_table(1, rows=(100, 400))
    assert list(table["rows"]) == [100, 400] and list(table["epochs"]) == [2, 1]
    assert {"example_ns", "example_ns_low", "example_ns_high", "ratio", "engine"} <= {*table}
    assert table["ratio"][0] == 1


def test_runs_table_measures_the_sweep_that_it_is_given() -> None:
    asked: list[int] = []

    def sweep(config: Any, *, seeds: Any, jobs: int, runs_dir: Path) -> None:
        assert jobs == 1 and runs_dir.is_dir() and config["epochs"] == 1
        asked.append(len(seeds))

    table = scale.runs_table(sweep, (30, 3))
    assert asked == [2, 3, 30]  # a small one first, off the clock
    assert {"runs", "seconds", "run_ms", "own_ms", "ratio", "memory_mib", "workers_memory_mib"} <= {*table}


def test_synthetic_problems_are_the_same_each_time() -> None:
    first, second = synthetic(20, 3, 2, "regression"), synthetic(20, 3, 2, "regression")
    assert np.array_equal(first.train.x, second.train.x) and np.array_equal(first.train.y, second.train.y)
    assert first.train.y.shape == (20, 2) and first.train.y.dtype == np.float32
    assert synthetic(20, 3, 2, "classification").train.y.dtype == np.int64


# --- the command line -----------------------------------------------------------------------------


def test_bench_matmul_writes_table_and_figure(tmp_path: Path) -> None:
    answer = sgdlab("bench", "matmul", "--size", "8", "--repeats", "1", "--csv", "m.csv")
    assert answer.code == 0 and "element by element" in answer.out and "GFLOP/s" in answer.out
    assert (tmp_path / "bench-matmul.png").read_bytes()[:4] == b"\x89PNG"
    table = pd.read_csv(tmp_path / "m.csv")
    assert len(table) == 4 and set(table) >= CONDITIONS


@pytest.mark.usefixtures("quick")
def test_bench_step_writes_table_and_figure(tmp_path: Path) -> None:
    job = ["bench", "step", "--set", "dataset={name: airfoil-twin, limit: 50}", "--batch-sizes", "1,8,full"]
    answer = sgdlab(*job, "--repeats", "2", "--csv", "s.csv", "--out", "s.svg")
    for words in ("native", "plain loop", "roofline", "knee of eager", "On the clock", "torch"):
        assert words in answer.out
    table = pd.read_csv(tmp_path / "s.csv")
    assert list(table)[:3] == ["engine", "batch_size", "threads"] and set(table) >= CONDITIONS and len(table) == 12
    assert (tmp_path / "s.svg").read_text().startswith("<?xml")


@pytest.mark.usefixtures("quick")
def test_bench_step_of_auto_names_its_engine_and_its_knee_alone(tmp_path: Path) -> None:
    job = ["bench", "step", "d2l/minibatch-10", "--set", "dataset.name=airfoil-twin", "--engines", "auto"]
    out = sgdlab(*job, "--repeats", "1", "--csv", "t.csv", "--batch-sizes", "8,full").out
    table = pd.read_csv(tmp_path / "t.csv")
    assert "auto: native" in out and "plain" not in out and "roofline" not in out
    assert table["batch_size"].tolist() == [8, 1500] and set(table["engine"]) == {"auto"}
    rates = table["examples_per_second"]
    knee = table["batch_size"][(rates >= 0.9 * rates.max()).idxmax()]
    assert f"knee of auto: batch size {knee:,}" in out
    assert (tmp_path / "bench-step.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["step", "--engines", "nativ"], 'did you mean "native"'),
        (["step", "--engines", "native", "--threads", "2"], "one thread"),
        (["step", "--batch-sizes", "0"], "--batch-sizes 0"),
        (["step", "--batch-sizes", "8,8"], "stands twice"),
        (["step", "--batch-sizes", "9000"], "training rows"),
        (["step", "no-such-config"], "no-such-config"),
        (["step", "--out", "figure.txt"], "--out figure.txt"),
        (["step", "--csv", "nowhere/table.csv"], "there is no folder nowhere"),
        (["matmul", "--csv", "."], "is a folder"),
        (["matmul", "--pin", "9999"], "no such core"),
    ],
)
def test_bad_input_gets_one_message_and_exit_code_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    answer = sgdlab("bench", *arguments)
    assert answer.code == 2 and words in answer.err and "Traceback" not in answer.err
    assert answer.err.count("error:") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["matmul", "--size", "0"], ["matmul", "--repeats", "0"], ["step", "--threads", "0"]]
)
def test_numbers_out_of_range_are_usage_errors(tmp_path: Path, arguments: list[str]) -> None:
    answer = sgdlab("bench", *arguments)
    assert answer.code == 2 and arguments[1] in answer.err
    assert list(tmp_path.iterdir()) == []
