"""The page that says what a new model would change."""

from collections.abc import Iterator

from schemas.manifest import Estimate
from trainer.evaluation.comparison import Comparison
from trainer.evaluation.paired import Difference
from trainer.report.markdown import cell

_CHANGES = 10


def comparison_page(comparison: Comparison, old: str, new: str, margin: float) -> str:
    """Returns the page, without any text; `old` and `new` are the names of the models."""
    lines = [
        f"# {new} beside {old}\n",
        *_verdicts(comparison, margin),
        *_figures(comparison),
        *_believed(comparison),
        *_footprints(comparison),
        *_labels(comparison),
        *_changes(comparison),
    ]
    return "\n".join(lines)


def _verdicts(comparison: Comparison, margin: float) -> Iterator[str]:
    for name, on in comparison.data.items():
        accuracy, sure = on.paired.accuracy, f"p = {on.paired.p_value:.2g}"
        yield f"- {name}: {accuracy.verdict}, accuracy {_points(accuracy.difference)} points, {sure}"
        if on.left_out:
            yield f"  Not used: {'; '.join(f'{reason}: {count:,}' for reason, count in on.left_out.items())}."
    worse = comparison.worse(margin)
    told = f"worse beyond the margin of {margin:g}: {', '.join(worse)}" if worse else f"within the margin of {margin:g}"
    yield f"- The new model is {told}."


def _figures(comparison: Comparison) -> Iterator[str]:
    yield "\n## Old and new\n\nDifferences in points, with 95 % intervals; p of McNemar's test, weighed on reviews.\n"
    yield "| data | texts | accuracy | new | difference | p | macro-F1 | new | difference |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, on in comparison.data.items():
        accuracy, macro_f1 = _cells(on.paired.accuracy), _cells(on.paired.macro_f1)
        yield f"| {cell(name)} | {on.texts:,} | {accuracy} | {on.paired.p_value:.2g} | {macro_f1} |"


def _believed(comparison: Comparison) -> Iterator[str]:
    yield "\n## How far scores can be believed\n"
    yield "| data | model | ECE | confident | right of the confident |\n| --- | --- | --- | --- | --- |"
    for name, on in comparison.data.items():
        for model, own in (("old", on.old), ("new", on.new)):
            shown = (own.ece, own.confident, own.right_of_confident)
            yield f"| {cell(name)} | {model} | {' | '.join(map(_with_interval, shown))} |"


def _footprints(comparison: Comparison) -> Iterator[str]:
    yield "\n## Speed and size\n"
    yield "| model | texts a second, float32, here | parameters | MB of weights |\n| --- | --- | --- | --- |"
    for model, own in (("old", comparison.old), ("new", comparison.new)):
        yield f"| {model} | {own.texts_per_second:,.0f} | {own.parameters:,} | {own.bytes / 1e6:,.1f} |"


def _labels(comparison: Comparison) -> Iterator[str]:
    yield "\n## F1 of each label\n\n| data | label | old | new | difference |\n| --- | --- | --- | --- | --- |"
    for name, on in comparison.data.items():
        for label, f1 in on.paired.labels.items():
            yield f"| {cell(name)} | {cell(label)} | {_cells(f1)} |"


def _changes(comparison: Comparison) -> Iterator[str]:
    yield "\n## Labels that would change\n"
    for name, on in comparison.data.items():
        yield f"On {name} {on.paired.changed:.1%} of the texts get another label.\n"
        if on.paired.changes:
            yield "| old label | new label | share | texts | old right | new right |"
            yield "| --- | --- | --- | --- | --- | --- |"
        for each in on.paired.changes[:_CHANGES]:
            pair = f"| {cell(each.old)} | {cell(each.new)} | {each.share:.2%} | {each.texts:,}"
            yield f"{pair} | {each.old_right:.0%} | {each.new_right:.0%} |"
        yield ""


def _cells(figure: Difference) -> str:
    return f"{figure.old:.4f} | {figure.new:.4f} | {_points(figure.difference)}"


def _points(difference: Estimate) -> str:
    return f"{100 * difference.value:+.2f} [{100 * difference.low:+.2f}, {100 * difference.high:+.2f}]"


def _with_interval(figure: Estimate | None) -> str:
    return "–" if figure is None else f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]"
