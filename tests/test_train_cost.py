"""What is told of a training once it is done: its curves, its footprint, its model card."""

import re
import socket
import time

import pytest
from huggingface_hub import ModelCard

from bionerflow.config.stages import TrainSettings
from bionerflow.config.workflow import FootprintSettings
from bionerflow.train import energy
from bionerflow.train.card import card
from bionerflow.train.curves import curves
from bionerflow.train.footprint import footprint

MACHINE = {"threads": 8, "processes": 4, "gpu": "A100", "processor": "EPYC", "versions": {"x": "1"}}
METRICS = {
    "settings": TrainSettings(method="qlora").model_dump(),
    "seed": 3,
    "conversations": 1200,
    "tokens_per_epoch": 34000,
    "too_long": 7,
    "dev_f1": 0.512,
    "memory_mb": 5000,
    "seconds": 7200,
    "curve": [{"step": 5, "loss": 2.0}, {"step": 8, "eval_f1": 0.5}, {"step": 10, "loss": 1.0}],
    "environment": MACHINE | {"peak_memory_mb": 10240},
    "measured_kwh": {"processors": 0.25, "gpus": 1.5},
}
ABOUT = {
    "run": "paper.m.joint.draw1",
    "model": {"name": "org/m", "licence": "Some License", "base": "results/models/hub/m"},
    "corpora": [
        {"name": "A", "title": "A | B", "language": "zh", "licence": "CC BY-NC 4.0"},
        {"name": "C", "title": "C", "language": "en", "licence": "public domain"},
    ],
    "formats": ["symbolic"],
    "system": "llm",
}
SCORES = [
    {
        "corpus": corpus,
        "format": format,
        "n": {"sentences": 40},
        "strict": {key: {"value": value} for key in ("precision", "recall", "f1")},
    }
    for corpus, format, value in (("A", "symbolic", 0.25), ("A", None, 0.3), (None, None, None))
]


def test_the_footprint_is_time_times_power_times_overhead_times_carbon():
    constants = FootprintSettings(
        core_watts=10, gpu_watts=250, memory_watts_per_gb=0.5, overhead=2, carbon_g_per_kwh=50
    )
    kwh = 2 * 4 * (8 * 10 + 250 + 10 * 0.5) * 2 / 1000
    expected = {"hours": 2, "kwh": pytest.approx(kwh), "co2e_g": pytest.approx(50 * kwh)}
    measured = {"measured_kwh": 2 * 1.75, "measured_co2e_g": 50 * 2 * 1.75}
    assert footprint(METRICS, constants) == expected | measured
    without = METRICS | {"environment": METRICS["environment"] | {"gpu": None}}
    found = footprint(without, constants)
    assert found["kwh"] == pytest.approx(kwh - 2 * 4 * 250 * 2 / 1000)
    assert found["measured_kwh"] == 2 * 0.25


@pytest.mark.parametrize("unknown", ["processors", "gpus"])
def test_what_was_not_measured_is_no_zero(unknown):
    parts = METRICS["measured_kwh"] | {unknown: None}
    found = footprint(METRICS | {"measured_kwh": parts}, FootprintSettings())
    assert (found["measured_kwh"], found["measured_co2e_g"]) == (None, None)


@pytest.fixture
def counters(monkeypatch):
    """Say that the processors' counters can be read: codecarbon then estimates what they say."""
    monkeypatch.setattr(energy, "readable", lambda: {"processors": True, "gpus": False})


def test_energy_is_measured_without_a_network_or_a_file(counters, monkeypatch, tmp_path):
    def refused(*_):
        raise AssertionError("a network was asked")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    for name, value in (("SAVE_TO_API", "true"), ("EMISSIONS_ENDPOINT", "http://localhost:1")):
        monkeypatch.setenv(f"CODECARBON_{name}", value)
    monkeypatch.setenv("CODECARBON_CO2_SIGNAL_API_TOKEN", "token")
    with energy.measured() as used:
        time.sleep(0.1)
    assert used["processors"] > 0
    assert used["gpus"] is None
    assert not list(tmp_path.iterdir())


def test_without_counters_nothing_is_known(monkeypatch):
    monkeypatch.setattr(energy, "readable", lambda: {"processors": False, "gpus": False})
    monkeypatch.setattr(energy, "_tracker", None)
    with energy.measured() as used:
        pass
    assert used == {"processors": None, "gpus": None}


def test_a_fault_in_measuring_leaves_the_run_alone(counters, monkeypatch):
    def broken():
        raise OSError("no such counter")

    monkeypatch.setattr(energy, "_tracker", broken)
    with energy.measured() as used:
        done = True
    assert done
    assert used == {"processors": None, "gpus": None}
    with pytest.raises(KeyboardInterrupt), energy.measured():
        raise KeyboardInterrupt


def test_the_curves_are_those_of_the_metrics():
    loss, f1, rate, memory = curves(METRICS).axes
    assert loss.lines[0].get_xydata().tolist() == [[5, 2.0], [10, 1.0]]
    assert f1.lines[0].get_xydata().tolist() == [[8, 0.5]]
    assert [text.get_text() for panel in (rate, memory) for text in panel.texts] == [
        "not measured"
    ] * 2


def test_the_card_says_data_format_settings_scores_licences_and_how_to_load():
    cost = {"hours": 2.0, "kwh": 5.25, "co2e_g": 269.0}
    text = card(ABOUT, METRICS, cost, SCORES)
    front = ModelCard(text).data
    assert (front.base_model, front.language) == ("org/m", ["en", "zh"])
    assert (front.license, front.license_name) == ("other", "Some License")
    assert (front.datasets, front.metrics) == (["A", "C"], ["f1", "precision", "recall"])
    results = {result.metric_type: result for result in front.eval_results}
    assert {name: result.metric_value for name, result in results.items()} == {
        "precision": 0.25, "recall": 0.25, "f1": 0.25
    }  # fmt: skip
    result = results["f1"]
    assert (result.dataset_type, result.dataset_name, result.dataset_config) == (
        "A", "A | B", "symbolic"
    )  # fmt: skip
    assert front.model_name == "paper.m.joint.draw1"
    for row in (
        "| A \\| B | zh | CC BY-NC 4.0 |",
        "| C | en | public domain |",
        "| num_train_epochs | 4 |",
        "| lora.r | 8 |",
        "| seed | 3 |",
        "| A | symbolic | 0.250 | 0.250 | 0.250 | 40 |",
        "| all | all | not defined | not defined | not defined | 40 |",
    ):
        assert row in text.splitlines()
    for fact in ("Some License", "`symbolic`", "7 were too long", "F1 on dev: 0.512", "269 g CO2e"):
        assert fact in text
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(code, "card", "exec")
    assert '"results/models/hub/m", quantization_config=nf4' in code


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_the_cards_code_for_each_method_is_python(method):
    metrics = METRICS | {"settings": TrainSettings(method=method).model_dump(), "dev_f1": None}
    text = card(ABOUT, metrics, {"hours": 1.0, "kwh": 1.0, "co2e_g": 1.0}, [])
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(code, "card", "exec")
    assert ("PeftModel" in code) == (method != "full")
    assert ("lora.r" in text) == (method != "full")
