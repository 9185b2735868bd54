"""The model card, in the format of the Hugging Face hub, filled from the run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from schemas.manifest import ModelManifest
from schemas.problem_type import MULTI_LABEL, SINGLE_LABEL
from trainer.evaluation.assessment import Assessment
from trainer.evaluation.feelings import percent
from trainer.evaluation.robustness import Robustness, largest_gap
from trainer.report.figures_section import counted, one_label_figures
from trainer.report.label_section import each_label_figures
from trainer.report.markdown import cell


def model_card(
    manifest: ModelManifest,
    assessment: Assessment,
    domains: str,
    data: Mapping[str, Any],
    revisions: Mapping[str, str],
    machine: Mapping[str, str],
) -> str:
    """Returns the card.

    Args:
        manifest: Of the artifact.
        assessment: What was measured on validation, suites included.
        domains: The section about further domains; empty where there are none.
        data: The data report.
        revisions: Digest of the rows of each split.
        machine: Hardware, time and energy, by name.
    """
    is_multi_label = manifest.problem_type == MULTI_LABEL
    sections = [
        f"---\n{_metadata(manifest, revisions).to_yaml()}\n---",
        f"# {manifest.name}",
        f"{_told(manifest.labels)} It is {manifest.base_model}, fine-tuned on {counted(manifest.data.train_rows)}.",
        _use(manifest),
        "\n".join(each_label_figures(manifest) if is_multi_label else one_label_figures(manifest)),
        domains,
        "\n".join(_limits(manifest, assessment)),
        "\n".join(_bias(assessment.robustness)) if assessment.robustness else "",
        "\n".join(_data(data, revisions)),
        "\n".join(_procedure(manifest, machine)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


_METRIC_NAMES: Mapping[str, Mapping[str, str]] = {
    SINGLE_LABEL: {"f1": "macro-F1"},
    MULTI_LABEL: {
        "accuracy": "all labels of a text right",
        "f1": "macro-F1",
        "loss": "binary cross-entropy",
        "ece": "mean ECE of the labels",
    },
}


def _metadata(manifest: ModelManifest, revisions: Mapping[str, str]) -> ModelCardData:
    metrics = manifest.metrics["validation"]
    values = {"accuracy": metrics.accuracy, "f1": metrics.macro_f1, "loss": metrics.loss, "ece": metrics.ece}
    dataset = re.sub(r" \((.+, )?validation\)$", "", manifest.data.validation)  # the hub links it by its id alone
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split="validation",
            dataset_revision=revisions["validation"],
            metric_type=name,
            metric_name=_METRIC_NAMES[manifest.problem_type].get(name, name),
            metric_value=round(value, 4),
        )
        for name, value in values.items()
        if value is not None
    ]
    return ModelCardData(
        model_name=manifest.name,
        base_model=manifest.base_model,
        library_name="transformers",
        pipeline_tag="text-classification",
        metrics=list(values),
        eval_results=results,
    )


def _told(labels: Sequence[str]) -> str:
    if len(labels) == 1:
        return f"Tells whether a short text is {labels[0]}."
    return f"Tells {len(labels)} labels of short texts apart: {', '.join(labels)}."


def _use(manifest: ModelManifest) -> str:
    fits = manifest.label_fits
    is_calibrated = manifest.calibration or (fits and fits.is_calibrated)
    folded = " Scores are calibrated in the weights themselves." if is_calibrated else ""
    options = ", top_k=None" if manifest.problem_type == MULTI_LABEL else ""
    return (
        "## Intended use\n\n"
        "Labelling streams of short messages, such as feedback from customers or posts on social media, where the "
        "figures below are good enough and single mistakes do no harm. It is not made to judge people, to detect "
        "illness or danger, or to decide anything about a person without another person looking.\n\n"
        f'`pipeline("text-classification", FOLDER{options})` labels with it, and so does any other loader.{folded}'
    )


_ANSWERS = {
    SINGLE_LABEL: "It answers every text with one of its labels. Irony, quotations and mixed feelings get one label "
    "too.",
    MULTI_LABEL: "It judges each label for itself, so that a text may get several or none. A label of few texts is "
    "told badly, and its figures are uncertain.",
}


def _limits(manifest: ModelManifest, assessment: Assessment) -> Iterator[str]:
    yield "## Limits\n"
    yield "- " + _ANSWERS[manifest.problem_type]
    yield "- It was measured on texts like those that it was trained on. Another kind or language will fare worse."
    yield f"- Of a text of more than {manifest.max_tokens} tokens it sees the beginning alone."
    outside = assessment.out_of_domain
    if outside is None:
        return
    answered = "get a label" if manifest.problem_type == MULTI_LABEL else "are confident"
    share = "" if outside.confident is None else f", and {outside.confident:.1%} of them {answered}"
    yield f"- On {outside.texts} texts without emotion, in code or in other languages, its mean score is"
    yield f"  {outside.mean_score:.2f}{share}."
    yield "\n| such texts are told from validation by | AUROC | pass where 95 % of validation do |\n| --- | --- | --- |"
    for name, figures in outside.separation.items():
        yield f"| {name.replace('_', ' ')} | {figures.auroc:.4f} | {figures.fpr_at_95:.1%} |"


def _bias(robustness: Robustness) -> Iterator[str]:
    yield "## Robustness and bias\n"
    yield "Labels that flip (of several, any of them) when a text is changed in a way that should not matter, or"
    yield "(negation) should:\n"
    yield "| change | of | texts | flipped | mean fall of the score |\n| --- | --- | --- | --- | --- |"
    for change in [*robustness.invariance, *robustness.directional]:
        if change.flipped is not None and change.score_drop is not None:
            yield f"| {change.name} | {change.on} | {change.texts} | {change.flipped:.1%} | {change.score_drop:.3f} |"
    if robustness.functionality:
        yield "\n| plain sentences of | right |\n| --- | --- |"
        yield from (f"| {cell(label)} | {share:.0%} |" for label, share in robustness.functionality.items())
    if robustness.feelings:
        yield from _sentences(robustness)
    yield from (f"\nThe suite of {suite} was left out: {reason}." for suite, reason in robustness.left_out.items())
    yield "\nThe same sentences about different people: how many get another label than most, and which label's mean"
    yield "score differs most from that of all groups, in points of 100:\n"
    yield "| people | group | flipped | largest gap |\n| --- | --- | --- | --- |"
    for gap in robustness.fairness:
        label, size = largest_gap(gap)
        yield f"| {gap.attribute} | {gap.group} | {gap.flipped:.1%} | {100 * size:+.1f} {cell(label)} |"
    yield "\nThese templates are a probe, not a proof: a group without a gap here may still be treated worse elsewhere."


def _sentences(robustness: Robustness) -> Iterator[str]:
    yield "\nSentences of our own of the kinds that users send, none of which may be trained on. *Wrong* is a label"
    yield "that no reader would give, such as a feeling that the sentence negates. Where none is carried, it is right"
    yield "not to be confident:\n"
    yield "| sentences | texts | right | wrong | confidently wrong | confident |\n| --- | --- | --- | --- | --- | --- |"
    for figures in robustness.feelings:
        if figures.half == "kept":
            shares = (figures.right, figures.wrong, figures.confidently_wrong, figures.confident)
            yield f"| {figures.kind} | {figures.texts} | {' | '.join(map(percent, shares))} |"


def _data(data: Mapping[str, Any], revisions: Mapping[str, str]) -> Iterator[str]:
    yield "## Data\n"
    yield "| split | source | texts | repeated | labelled differently | debris of links | digest of the rows |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, split in data["splits"].items():
        counts = " | ".join(str(split[what]["count"]) for what in ("duplicates", "contradictions", "debris"))
        yield f"| {name} | {cell(split['source'])} | {split['rows']:,} | {counts} | `{revisions[name]}` |"
    for name, shared in data["between"].items():
        yield f"\nBetween {name}: {shared['leaks']['count']} texts with the same label (leakage) and"
        yield f"{shared['contradictions']['count']} with different ones."
    cues = data["cue_words"]
    share = f"{cues['share_of_rows']:.1%}"
    yield f"\n{len(cues['words'])} words have a label that is a coin flip between two; {share} of the texts hold one."
    yield "[The whole report](report/data.md); `emotion-trainer data-report` shows examples, too."


def _procedure(manifest: ModelManifest, machine: Mapping[str, str]) -> Iterator[str]:
    yield "## Training\n"
    yield "| | |\n| --- | --- |"
    yield f"| trained | {manifest.trained_at:%Y-%m-%d} |"
    lower = ", lower-cased" if manifest.lower_case else ""
    yield f"| preprocessing | tokenized{lower}, cut to {manifest.max_tokens} tokens |"
    yield from (f"| {name} | {value} |" for name, value in machine.items())
    yield from (f"| {name} | {value} |" for name, value in manifest.recipe.items() if value is not None)
    yield from (f"| version of {name} | {version} |" for name, version in manifest.versions.items())
