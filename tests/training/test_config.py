from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pointillist.errors import ConfigError, InputError, MissingFileError
from pointillist.training import TrainConfig, parse_duration, read_config

ROOT = Path(__file__).resolve().parents[2]


def test_options_override_the_file_and_the_file_overrides_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("seed: 3\nunet:\n  encoder: resnet18\n  steps: 10\n")
    config = read_config(path, {"unet.steps": 20, "unet.device": None})
    assert (config.seed, config.unet.encoder, config.unet.steps) == (3, "resnet18", 20)
    assert config.unet.device == TrainConfig().unet.device


def test_a_saved_config_reads_back_equal(tmp_path: Path) -> None:
    config = read_config(None, {"recipe": "forest", "budget": "90s", "forest.n_trees": 7})
    config.write(tmp_path / "config.yaml")
    assert read_config(tmp_path / "config.yaml") == config


def test_the_reference_configuration_is_valid() -> None:
    config = read_config(ROOT / "configs" / "train_config.yaml")
    assert config.unet.encoder == "resnet34"
    assert config.unet.steps == 5 * 200 // 8


def test_the_reference_configuration_names_every_key() -> None:
    """The README says so: it is where a user looks for what can be set."""
    named = yaml.safe_load((ROOT / "configs" / "train_config.yaml").read_text(encoding="utf-8"))
    known = TrainConfig().model_dump()
    assert named.keys() == known.keys()
    assert {*named["unet"]} == {*known["unet"]}
    assert {*named["forest"]} == {*known["forest"]}


def test_all_faults_are_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("colour: red\nunet:\n  chip_px: 100\n  batchsize: 2\n")
    with pytest.raises(ConfigError, match=r"(?s)unet\.chip_px.*unet\.batchsize.*colour"):
        read_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nothing\.yaml' does not exist"):
        read_config(tmp_path / "nothing.yaml")


@pytest.mark.parametrize("text", ["[1, 2", "- a\n- b\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"cannot be read as YAML|Expected keys and values"):
        read_config(path)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("1.5m", 90), ("2", 120)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_broken_yaml_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("recipe: auto\nunet: {steps: 3\nseed: 2\n")
    with pytest.raises(
        ConfigError, match=r"read as YAML: .* in line \d\. Correct it there"
    ) as told:
        read_config(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", ["soon", "-1m", "0s", "10 days"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(InputError, match="Expected a time above 0 like 90s"):
        parse_duration(text)


def test_shares_are_read_as_the_option_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for text in ("{Water: 20%, Land: 0.8}", "'Water=20%, Land=0.8'"):
        path.write_text(f"class_shares: {text}\n")
        assert read_config(path).class_shares == {"Water": 0.2, "Land": 0.8}


def test_numbers_that_yaml_reads_are_taken_as_names_and_times(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("budget: 5\nclass_shares: {1: 0.2, 2: 0.8}\n")
    config = read_config(path)
    assert config.budget_s == 300
    assert config.class_shares == {"1": 0.2, "2": 0.8}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unet: {stesp: 3}", r"unet\.stesp: there is no such setting, perhaps steps \(got 3\)\."),
        ("steps: 3", r": steps: there is no such setting \(got 3\)\."),
        (
            "class_shares: most",
            r": class_shares: Expected --class-shares auto, points, estimate or shares like .*",
        ),
        ("class_shares: {a: x, b: 0.2}", r": class_shares: .*valid number.* \(got 'x'\)"),
        ("unet: {holdout: 0, select: best}", r": unet: select: best take held-out points"),
        ("unet: {holdout: 0, refit: 0.3}", r": unet: refit take held-out points, got holdout: 0"),
        ("unet: {augment: maybe}", r": unet\.augment: .*boolean.*, or .*'horizontal' \(got"),
        ("forest: {sigmas: [1, -1]}", r": forest\.sigmas: .*greater than 0 \(got -1"),
        ("forest: {max_features: 2.5}", r": forest\.max_features: .*less than or equal to 1 \(got"),
        ("forest: {n_jobs: 0}", r": forest\.n_jobs: .*-1 for every core \(got 0\)"),
    ],
)
def test_each_fault_is_one_clause_with_the_key_of_the_file(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config(path)
