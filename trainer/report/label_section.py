"""The section of the model card with the figures of a model whose labels each stand for themselves."""

from collections.abc import Iterator

from schemas.label_fit import LabelFits
from schemas.manifest import ModelManifest
from trainer.evaluation.multi_label import DEFAULT_THRESHOLD
from trainer.report.figures_section import counted
from trainer.report.label_plots import PICTURES
from trainer.report.markdown import cell


def each_label_figures(manifest: ModelManifest) -> Iterator[str]:
    """Yields the lines of the section."""
    metrics, fits = manifest.metrics["validation"], manifest.label_fits
    yield f"## Figures on validation ({counted(metrics.rows)})\n"
    yield "| loss | all labels of a text right | macro-F1 | mean ECE |\n| --- | --- | --- | --- |"
    yield f"| {metrics.loss:.4f} | {metrics.accuracy:.4f} | {metrics.macro_f1:.4f} | {metrics.ece:.4f} |"
    yield "\nThe loss is the binary cross-entropy, a mean over texts and labels. A text gets each label whose score"
    yield "reaches the label's threshold:\n"
    yield "| label | threshold | precision | recall | F1 | ECE | texts |\n| --- | --- | --- | --- | --- | --- | --- |"
    thresholds = manifest.thresholds or {}
    for name, label in metrics.labels.items():
        threshold = f"{thresholds.get(name, DEFAULT_THRESHOLD):.4f}" + (
            "\\*" if fits and fits.labels[name].shared else ""
        )
        shown = (label.precision, label.recall, label.f1, label.ece)
        yield f"| {cell(name)} | {threshold} | {' | '.join(f'{value:.4f}' for value in shown)} | {label.support} |"
    if fits:
        yield from _fitted(fits, metrics.macro_f1)
    else:
        yield "\nOf so few texts neither scores nor thresholds were fitted:"
        yield f"each label is given from {DEFAULT_THRESHOLD} on."
    if manifest.recipe.get("load_best_model_at_end"):
        yield "\nThe checkpoint was chosen by this split too."
    yield ""
    yield from (f"![{name}](report/{name}.png)" for name in PICTURES)


def _fitted(fits: LabelFits, macro_f1: float) -> Iterator[str]:
    if any(label.shared for label in fits.labels.values()):
        yield f"\n\\* Shared by the labels that fewer than {fits.least_texts} texts have: alone they would say little."
    what = "Scores and thresholds" if fits.is_calibrated else "Thresholds"
    yield f"\n{what} were fitted on this split, each threshold for the best F1 that its label's scores"
    yield "let expect. So expect a little less on new texts. *Held out* is measured on the half of the texts that"
    yield "nothing was fitted on:\n"
    yield "| | macro-F1 | loss |\n| --- | --- | --- |"
    yield f"| as trained, 0.5 for each label | {fits.half_macro_f1:.4f} | {fits.loss_before:.4f} |"
    yield f"| held out | {fits.held_out_macro_f1:.4f} | {fits.loss_after:.4f} |"
    yield f"| as stored, seen | {macro_f1:.4f} | |"
    yield "\nWhat each label's logits were multiplied by and what was added then, to calibrate its scores:\n"
    yield "| label | scale | shift | ECE before | ECE after, held out |\n| --- | --- | --- | --- | --- |"
    for name, label in fits.labels.items():
        errors = f"{label.ece_before:.4f} | {label.ece_after:.4f}"
        yield f"| {cell(name)} | {label.scale:.3f} | {label.shift:+.3f} | {errors} |"
