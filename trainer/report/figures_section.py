"""The section of the model card with the figures of a model that gives each text one label."""

from collections.abc import Iterator

from schemas.manifest import Calibration, Estimate, ModelManifest
from trainer.evaluation.calibration import is_at_bound
from trainer.report.markdown import cell


def one_label_figures(manifest: ModelManifest) -> Iterator[str]:
    """Yields the lines of the section."""
    metrics = manifest.metrics["validation"]
    yield f"## Figures on validation ({counted(metrics.rows)})\n"
    yield "| loss | accuracy | macro-F1 | ECE | Brier |\n| --- | --- | --- | --- | --- |"
    shown = (metrics.loss, metrics.accuracy, metrics.macro_f1, metrics.ece, metrics.brier)
    yield f"| {' | '.join(f'{figure:.4f}' for figure in shown)} |"
    yield "\n| label | precision | recall | F1 | texts |\n| --- | --- | --- | --- | --- |"
    for name, label in metrics.labels.items():
        yield f"| {cell(name)} | {label.precision:.4f} | {label.recall:.4f} | {label.f1:.4f} | {label.support} |"
    if fitted := _fitted(manifest):
        others = ", temperature and threshold on the domains below too" if manifest.confident_goals else ""
        yield f"\n{fitted} fitted on this split{others}, so expect less on new texts."
    if manifest.calibration:
        yield from _calibrated(manifest.calibration)
    if metrics.confident:
        kept, right = metrics.confident.coverage, metrics.confident.accuracy
        yield f"\nFrom a score of {metrics.confident.score:.4f} on, a label is confident: a share of the texts of"
        yield f"{_with_interval(kept)}, of which {_with_interval(right)} are right."
    else:
        yield "\nNo threshold keeps 50 texts or more with 98 % of them right, so none is suggested."
    yield ""
    for name in ("training", "confusion", "reliability", "coverage", "scores", "lengths"):
        yield f"![{name}](report/{name}.png)"


def _calibrated(calibration: Calibration) -> Iterator[str]:
    bound = ", where its search ends: the best one lies beyond" if is_at_bound(calibration.temperature) else ""
    yield f"\nScores were divided by a temperature of {calibration.temperature:.3f}{bound}."
    yield "With 95 % intervals, ECE without what chance alone shows of so many texts, and *after* measured on the half"
    yield "of the texts that the temperature was not fitted on:\n"
    yield "| | ECE | Brier | loss |\n| --- | --- | --- | --- |"
    for name, quality in (("before", calibration.before), ("after", calibration.after)):
        estimates = (quality.ece, quality.brier, quality.loss)
        yield f"| {name} | {' | '.join(map(_with_interval, estimates))} |"


def _fitted(manifest: ModelManifest) -> str:
    """Returns what was chosen by the validation split, as the beginning of a sentence, or nothing."""
    chosen = {
        "the checkpoint": manifest.recipe.get("load_best_model_at_end"),
        "the temperature": manifest.calibration,
        "the threshold": manifest.metrics["validation"].confident,
    }
    *others, last = [name for name, is_chosen in chosen.items() if is_chosen] or [""]
    names = " and ".join(filter(None, [", ".join(others), last]))
    return f"{names.capitalize()} {'were' if others else 'was'}" if names else ""


def counted(count: int) -> str:
    """Returns a number of texts in words."""
    return f"{count:,} text{'' if count == 1 else 's'}"


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"
