"""The page that says how right a model is on its stream."""

from collections.abc import Iterator, Mapping, Sequence

from schemas.manifest import Estimate
from trainer.evaluation.agreement import Agreement
from trainer.evaluation.stream_figures import StreamFigures
from trainer.report.markdown import cell

_CONFUSIONS = 10
_FEW_TEXTS = 50
_MEANS = {
    "accuracy": "share of the texts whose label is right",
    "macro-F1": "mean F1 of the labels that occur",
    "ECE": "how far scores are from the share that is right, chance taken off",
    "confident": "share of the texts whose label is confident",
    "right of the confident": "share of these whose label is right",
}


def review_page(figures: StreamFigures, pictures: Sequence[str] = ()) -> str:
    """Returns the page, without any text of the stream; `pictures` are names of PNG files beside it."""
    lines = [
        "# How right the labels are on the stream\n",
        f"{figures.source}: {figures.texts:,} answered texts, each weighed by its probability of being drawn.",
        f"Together they tell of a share as much as {figures.effective_texts:,.0f} texts drawn evenly.",
        *_few(figures),
        *_left_out(figures.left_out),
        *_figures(figures),
        *_models(figures),
        *_labels(figures),
        *_confusions(figures),
        *_agreement(figures.agreement),
        *(["\n## Pictures\n"] if pictures else []),
        *(f"![{name}]({name}.png)" for name in pictures),
    ]
    return "\n".join(lines)


def _few(figures: StreamFigures) -> Iterator[str]:
    if figures.effective_texts < _FEW_TEXTS:
        yield f"That is fewer than {_FEW_TEXTS}: trust no interval yet, and draw more at random."


def _left_out(left_out: Mapping[str, int]) -> Iterator[str]:
    if left_out:
        yield "\nNot used:\n"
        yield from (f"- {reason}: {count:,}" for reason, count in left_out.items())


def _figures(figures: StreamFigures) -> Iterator[str]:
    yield "\n| on the stream | | 95 % interval | more answers for ± 2 points |\n| --- | --- | --- | --- |"
    for name, figure in figures.figures.items():
        more = f"about {figures.more_answers[name]:,}" if figures.more_answers[name] else "0"
        yield f"| {name}: {_MEANS[name]} | {figure.value:.4f} | {_interval(figure)} | {more} |"


def _models(figures: StreamFigures) -> Iterator[str]:
    if figures.models:
        yield "\nSeveral models gave these labels. All figures are of the stream as they labelled it together.\n"
        yield "| model | texts | accuracy | 95 % interval |\n| --- | --- | --- | --- |"
        for name, (texts, accuracy) in figures.models.items():
            yield f"| {cell(name)} | {texts:,} | {accuracy.value:.4f} | {_interval(accuracy)} |"


def _labels(figures: StreamFigures) -> Iterator[str]:
    yield "\n## Labels\n"
    yield "| label | of the stream | precision | recall | F1 | answered texts |\n| --- | --- | --- | --- | --- | --- |"
    for name, label in figures.labels.items():
        shown = (label.share, label.precision, label.recall)
        yield f"| {cell(name)} | {' | '.join(map(_with_interval, shown))} | {label.f1:.4f} | {label.texts:,} |"


def _confusions(figures: StreamFigures) -> Iterator[str]:
    yield "\n## Worst confusions\n"
    if not figures.confusions:
        yield "None: each answer agrees with the model."
        return
    yield "| right label | label given | of the stream | answered texts |\n| --- | --- | --- | --- |"
    for pair in figures.confusions[:_CONFUSIONS]:
        yield f"| {cell(pair.right)} | {cell(pair.given)} | {_with_interval(pair.share)} | {pair.texts:,} |"


def _agreement(found: Agreement | None) -> Iterator[str]:
    yield "\n## Annotators\n"
    if found is None:
        yield "No text has answers of two people, so how far people agree is not known. Have some answered twice."
        return
    alpha = "not defined, for all gave the same label" if found.alpha is None else f"{found.alpha:.3f}"
    yield f"{found.annotators:,} people; {found.texts:,} texts have two answers or more. Krippendorff's alpha is"
    yield f"{alpha} (1: all agree; 0: as chance has it). Of two answers to a text {found.alike:.1%} are alike."
    yield f"The label with the most votes is taken as right; in {found.ties:,} texts several have as many and share it."
    if found.kappas:
        yield "\n| annotators | Cohen's kappa |\n| --- | --- |"
        yield from (f"| {cell(pair)} | {kappa:.3f} |" for pair, kappa in found.kappas.items())


def _interval(figure: Estimate) -> str:
    return f"{figure.low:.4f} to {figure.high:.4f}"


def _with_interval(figure: Estimate | None) -> str:
    return "–" if figure is None else f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]"
