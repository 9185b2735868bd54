"""What comes with an artifact for people: `report/` with pictures and figures, and the model card."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from schemas.manifest import ModelManifest
from schemas.problem_type import MULTI_LABEL
from trainer.artifact.writing import CARD_FILE, REPORT_FOLDER
from trainer.data.domains import HOME
from trainer.data.splits import Split
from trainer.evaluation.assessment import Assessment
from trainer.report import data_report
from trainer.report.card import model_card
from trainer.report.domain_pictures import write_reliability
from trainer.report.domain_section import domain_section
from trainer.report.label_plots import write_label_plots
from trainer.report.plots import write_plots

# What the energy estimate assumes: a data-centre GPU at its usual limit, a server core under full load.
_WATTS_PER_GPU = 300
_WATTS_PER_CORE = 8


@dataclass(frozen=True)
class Run:
    """What is known when a training has ended and its model was measured."""

    assessment: Assessment
    """Of the model as stored, on the validation split."""
    splits: dict[str, Split]
    log_history: Sequence[dict[str, float]]
    """What the Trainer logged."""
    on_gpu: bool
    is_resumed: bool
    """Whether the training went on from a checkpoint; then the time before it is not known."""
    processes: int
    """Among which each batch was divided."""


def write_report(folder: Path, manifest: ModelManifest, run: Run) -> None:
    """Writes report and card into the folder of an artifact."""
    report = folder / REPORT_FOLDER
    report.mkdir()
    if manifest.problem_type == MULTI_LABEL:
        write_label_plots(report, manifest.label_fits, run.assessment, run.log_history)
    else:
        _write_pictures(report, manifest, run)
    data = data_report.without_texts(data_report.data_report(run.splits))
    (report / "data.md").write_text(data_report.as_markdown(data) + "\n", encoding="utf-8")
    figures = {"assessment": json.loads(run.assessment.as_json()), "data": data, "log_history": list(run.log_history)}
    (report / "figures.json").write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    revisions = {name: split.digest for name, split in run.splits.items()}
    domains = domain_section(manifest, run.assessment, run.splits["train"].texts)
    card = model_card(manifest, run.assessment, domains, data, revisions, hardware(run))
    (folder / CARD_FILE).write_text(card, encoding="utf-8")


def _write_pictures(report: Path, manifest: ModelManifest, run: Run) -> None:
    """Draws what a model that gives each text one label makes of validation and further domains."""
    temperature = manifest.calibration.temperature if manifest.calibration else None
    outputs, ids = run.assessment.outputs, run.assessment.right
    further = {own.domain.name: own.labelled for own, _ in run.assessment.domains if len(own.labelled[1])}
    threshold, shared = manifest.confident_score, list(further.values())
    write_plots(report, outputs, ids, manifest.labels, temperature, threshold, run.log_history, shared)
    if further:
        write_reliability(report, {HOME: (outputs.logits, ids), **further})


def hardware(run: Run) -> dict[str, str]:
    """Returns what the training ran on, how long, and an estimate of its energy with how it was made."""
    seconds = next((entry["train_runtime"] for entry in reversed(run.log_history) if "train_runtime" in entry), 0.0)
    cores, gpus = os.cpu_count() or 1, torch.cuda.device_count() if run.on_gpu else 0
    watts = gpus * _WATTS_PER_GPU + cores * _WATTS_PER_CORE
    processor = f"{cores} cores ({platform.machine()})"
    devices = f"{gpus} × {torch.cuda.get_device_name(0)}, {processor}" if gpus else f"{processor}, no GPU"
    estimate = f"{seconds / 3600 * watts / 1000:.3f} kWh, estimated and not measured: the training time at"
    parts = f"{_WATTS_PER_CORE} W for each of {cores} cores"
    if gpus:
        parts += f" and {_WATTS_PER_GPU} W for each of {gpus} GPUs"
    time = f"{seconds / 60:.1f} minutes{' since it was resumed' if run.is_resumed else ''}"
    return {
        "hardware": devices,
        "processes": str(run.processes),
        "training time": time,
        "energy": f"{estimate} {parts}",
    }
