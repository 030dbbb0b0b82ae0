"""What bad configs and options get: one clear error that names place, value and remedy, whatever the garbage."""
# ruff: noqa: E501  a table of messages as they are

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdlab.config import Document, build_config, load_config, read_document, set_text
from sgdlab.config.document import read_value
from sgdlab.errors import ConfigError
from tests.support import make_config, write_config


def faults(tmp_path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(write_config(tmp_path / "a.yaml", text), overrides)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("epochs: 1\noptimizr: sgd", 'a.yaml:2 optimizr: unknown key; did you mean "optimizer"?'),
        (
            "epochs: 1\noptimizer:\n  name: sgd\n  momentun: 0.9",
            'a.yaml:4 optimizer.momentun: unknown key; did you mean "momentum"?',
        ),
        ("epochs: 1\nmodel: {name: mlp, actvation: relu}", 'a.yaml:2 model.actvation: unknown key; did you mean "activation"?'),
        ("epochs: 1\ndataset: mnist-10", "a.yaml:2 dataset: 'mnist-10' is not known; did you mean \"mnist-10k\"? (or module:function)"),
        ("epochs: 1\noptimizer: adamm", "a.yaml:2 optimizer: 'adamm' is not known; did you mean \"adam\"? (or a class of torch.optim)"),
        ("epochs: many", "a.yaml:1 epochs: 'many' must be a number"),
        ("epochs: -1", "a.yaml:1 epochs: -1: input should be greater than 0"),
        ("epochs: .inf", "a.yaml:1 epochs: inf must be a finite number"),
        ("epochs: true", "a.yaml:1 epochs: True must be a number"),
        ("epochs: 1\nbatch_size: 0", "a.yaml:2 batch_size.initial: 0: must be a whole number above 0, or full"),
        ("epochs: 1\nbatch_size: 1.5", "a.yaml:2 batch_size.initial: 1.5: must be a whole number above 0, or full"),
        ("epochs: 1\nthreads: lots", "a.yaml:2 threads: 'lots': must be a whole number from 1 to 1,024, or auto"),
        ("epochs: 1\nseed: -1", "a.yaml:2 seed: -1: input should be greater than or equal to 0"),
        ("epochs: 1\nloss: mean", "a.yaml:2 loss: 'mean' is not known; choose one of auto, cross_entropy, mse, half_mse"),
        ("epochs: 1\nmodel: {name: mlp, hidden: 50}", "a.yaml:2 model.hidden: 50 must be a list"),
        ("epochs: 1\nmodel: {name: mlp, hidden: [50, x]}", "a.yaml:2 model.hidden.1: 'x' must be a whole number"),
        ("epochs: 1\nmodel: {name: mlp, init: {std: 1}}", "a.yaml:2 model.init: needs the key name, one of torch, normal"),
        ("epochs: 1\ndataset: {limit: 5}", "a.yaml:2 dataset: needs the key name, one of airfoil, airfoil-twin"),
        ("epochs: 1\ndataset: {name: csv, path: a.csv}", "a.yaml:2 dataset.target: is missing; add it"),
        ("epochs: 1\ndevice: gpu", "a.yaml:2 device: 'gpu' is not known; choose one of auto, cpu, cuda"),
        ("epochs: 1\nbudget: 5 steps", "a.yaml: give either epochs or budget, exactly one of them"),
        ("seed: 1", "a.yaml: give either epochs or budget, exactly one of them"),
        ("budget: 5", "a.yaml:1 budget: 5: must be text like '20000 steps'"),
        ("budget: 5 stepps", "a.yaml:1 budget: '5 stepps': must be a number and one of epochs, steps, examples, seconds"),
        ("budget: 0.5 steps", "a.yaml:1 budget: '0.5 steps': steps must be a whole number"),
        ("epochs: 1\nstop_at: loss=3", "a.yaml:2 stop_at: 'loss=3': must name one of train_loss, val_loss"),
        ("epochs: 1\nstop_at: val_loss=low", "a.yaml:2 stop_at: 'val_loss=low': 'low' is not a number"),
        (
            "budget: 5 seconds\nlearning_rate: {initial: 1, schedule: cosine}",
            "a.yaml: a budget in seconds has no known end for the cosine schedule; use epochs",
        ),
        ("epochs: 1\nmodel: {name: mlp, output: softmax}\nloss: mse", "a.yaml: model.output softmax does not go with"),
        ("epochs: 1\noptimizer: {name: sgd, nesterov: true}", "a.yaml:2 optimizer: nesterov needs momentum above 0"),
        ("epochs: 1\nbatch_size: {initial: full, every: 2}", "a.yaml:2 batch_size: a full batch cannot grow"),
        ("epochs: 1\ndataset: {name: mnist, validation: 0.6, test: 0.4}", "a.yaml:2 dataset: validation and test together leave no row"),
        ("epochs: 1\nengine: native\ndevice: cuda", "a.yaml: engine native runs on the CPU only; use device: cpu (here cuda)"),
        ("epochs: 1\n'[': 2", "a.yaml:2 [: unknown key"),
        ("epochs: 1\nint: 2", "a.yaml:2 int: unknown key"),
        ("epochs: [1", "a.yaml:2: not valid YAML: "),
        ("epochs: 1\n\tseed: 2", "a.yaml:2: not valid YAML: "),
        ("epochs: 1\nepochs: 2", "a.yaml:2 epochs: stands twice; keep one of them"),
        ("- epochs", "a.yaml:1: must hold keys and values like 'batch_size: 64', not a list"),
        ("epochs", "a.yaml:1: must hold keys and values like 'batch_size: 64', not a text"),
        ("? [1, 2]\n: 3", "a.yaml:1: a key must be a word, not a sequence"),
        ("epochs: !!python/object/apply:os.system [ls]", "a.yaml:1: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not read"),
        ("epochs: &a 1\nseed: *a", "a.yaml:1: anchors (&) and aliases (*) are not read"),
        ("epochs: " + "[" * 40 + "]" * 40, "a.yaml:1: nested deeper than 16 levels"),
        ("epochs: 1\nseed: " + "9" * 5000, "a.yaml: not valid YAML: "),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)  # fmt: skip
def test_fault_is_told_with_place_value_and_remedy(tmp_path, text, fault):
    told = faults(tmp_path, text)
    assert len(told) == 1 and told[0].startswith(fault), told


def test_all_faults_are_told_at_once(tmp_path):
    told = faults(tmp_path, "epochs: -1\nlos: mse\nbatch_size: x\n", "optimizer.momentum=2")
    assert {fault.partition(": ")[0] for fault in told} == {
        "a.yaml:1 epochs",
        "a.yaml:2 los",
        "a.yaml:3 batch_size.initial",
        "--set optimizer.momentum=2 optimizer.momentum",
    }


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"epochs: 1\n\xff\xfe", ":2: not UTF-8 text; save the file as UTF-8"),
        (b"#" * ((1 << 20) + 1), ": larger than 1 MiB"),
        (b"epochs: 1\0", "not valid YAML"),
    ],
)
def test_file_that_is_no_text_is_refused(tmp_path, content, fault):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(fault)):
        read_document(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("nowhere.yaml", "nowhere.yaml: no such config file"),
        ("minee.yaml", 'minee.yaml: no such config file; did you mean "mine.yaml"?'),
        ("no/where.yaml", "no/where.yaml: no such config file; the folder no does not exist"),
        ("parr/minibatch8", "parr/minibatch8: no such config file"),
        ("defalt", 'defalt: neither a config file nor a shipped config; did you mean "default"?'),
        (".", ".: is a folder, not a config file"),
        ("~nobody-here/a.yaml", "~nobody-here/a.yaml: no such config file"),
        ("a\0b", "CONFIG: a file name cannot hold a NUL character"),
        ("x" * 5000, "x" * 80 + ": cannot be read: File name too long"),
    ],
)
def test_config_that_is_not_there_is_told(tmp_path, source, fault):
    (tmp_path / "mine.yaml").write_text("epochs: 1")
    with pytest.raises(ConfigError) as caught:
        load_config(source)
    assert str(caught.value).startswith(fault)


# --- overrides ----------------------------------------------------------------------------------


def overridden(values: dict, *assignments: str):
    document = Document({"epochs": 1} | values)
    for assignment in assignments:
        set_text(document, assignment)
    return build_config(document)


def test_set_promotes_a_short_name_to_its_mapping():
    config = overridden({"dataset": "airfoil"}, "dataset.limit=500", "dataset.repeat=2")
    assert (config.dataset.name, config.dataset.limit, config.dataset.repeat) == ("airfoil", 500, 2)


def test_set_on_an_absent_section_changes_its_default():
    config = overridden({}, "dataset.limit=500", "model.hidden=[3]", "learning_rate.warmup=2", "optimizer.beta1=0.5")
    assert (config.dataset.name, config.dataset.limit, config.model.hidden) == ("mnist-10k", 500, (3,))
    assert (config.learning_rate.warmup, config.learning_rate.initial) == (2, 0.001)
    assert (config.optimizer.name, config.optimizer.beta1) == ("adam", 0.5)


def test_set_replaces_a_whole_value():
    config = overridden({"optimizer": {"name": "adam", "beta1": 0.5}}, "optimizer=sgd")
    assert config.optimizer.name == "sgd"


def test_set_takes_any_yaml_and_the_last_one_wins():
    config = overridden({}, "seed=1", "model={name: mlp, hidden: [3, 4]}", "seed=2", "stop_at=null")
    assert config.seed == 2 and config.model.hidden == (3, 4) and config.stop_at is None


def test_epochs_and_budget_replace_each_other():
    assert overridden({}, "budget=7 steps").total_budget.unit == "steps"
    assert overridden({"budget": "7 steps"}, "epochs=3").epochs == 3
    assert overridden({}, "budget=null").epochs == 1


@pytest.mark.parametrize(
    ("assignment", "fault"),
    [
        ("seed", '--set "seed": must be KEY=VALUE'),
        ("=3", '--set "=3": must be KEY=VALUE'),
        ("a..b=3", '--set a..b=3: "a..b" is no key'),
        ("seed.x=3", '--set seed.x=3: seed is a single value; it has no key "x"'),
        ("a.b=3", "--set a.b=3 a: unknown key"),
        ("seed=[", "--set seed:2: not valid YAML"),
        ("seed=!!int 3", "--set seed:1: the tag"),
        ("learning_rate=fast", "--set learning_rate=fast learning_rate.initial: 'fast' must be a number"),
        ("model.hiden=[3]", '--set model.hiden=[3] model.hiden: unknown key; did you mean "hidden"?'),
    ],
)
def test_override_that_does_not_fit_is_told_by_its_option(assignment, fault):
    with pytest.raises(ConfigError) as caught:
        overridden({"seed": 1, "model": "mlp"}, assignment)
    assert str(caught.value).startswith(fault)


# --- garbage ------------------------------------------------------------------------------------

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary(max_size=5)
)
KEYS = st.sampled_from(
    [
        "dataset",
        "model",
        "loss",
        "optimizer",
        "learning_rate",
        "batch_size",
        "sampling",
        "epochs",
        "budget",
        "stop_at",
        "evaluate_every",
        "device",
        "engine",
        "threads",
        "seed",
        "name",
        "initial",
        "schedule",
        "hidden",
        "init",
        "options",
        "path",
        "target",
        "limit",
        "validation",
        "std",
        "every",
        "sweep",
    ]
) | st.text(max_size=10)
GARBAGE = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)


def valid_or_refused(make) -> None:
    """The promise: a config, or a ConfigError with words in it; any other exception fails the test."""
    try:
        make()
    except ConfigError as error:
        assert error.problems and all(problem.strip() for problem in error.problems)


@given(st.dictionaries(KEYS, GARBAGE, max_size=8))
@settings(max_examples=300)
def test_any_mapping_gives_a_config_or_a_config_error(values):
    valid_or_refused(lambda: make_config(**{str(key): value for key, value in values.items()}))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_file_gives_a_config_or_a_config_error(tmp_path, content):
    (tmp_path / "a.yaml").write_bytes(content)
    valid_or_refused(lambda: load_config(tmp_path / "a.yaml"))


PIECES = st.sampled_from(
    [*list("{}[]:,-?&*!|>'\"%@`#~ \n\t=."), "epochs", "dataset", "name", "1", "1e3", "- ", ": ", "!!", "<<", "\x85"]
)


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(max_examples=300)
def test_any_jumble_of_yaml_gives_a_config_or_a_config_error(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    valid_or_refused(lambda: load_config(tmp_path / "a.yaml"))


@given(
    st.lists(KEYS, min_size=1, max_size=3).map(".".join),
    st.text(max_size=30) | st.lists(PIECES, max_size=15).map("".join),
)
@settings(max_examples=300)
def test_any_override_gives_a_config_or_a_config_error(key, value):
    def apply():
        document = Document({"epochs": 1, "model": "mlp", "optimizer": {"name": "sgd"}})
        set_text(document, f"{key}={value}")
        build_config(document)

    valid_or_refused(apply)


@given(st.text(max_size=60))
def test_any_value_on_the_command_line_is_read_or_refused(text):
    valid_or_refused(lambda: read_value(text, "--set x"))
