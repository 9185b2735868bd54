"""The section of the model card that shows the domains side by side."""

from collections.abc import Collection, Iterator

from schemas.manifest import ConfidentGoals, ModelManifest
from trainer.data.domains import HOME
from trainer.evaluation.assessment import Assessment
from trainer.evaluation.domains import COLUMNS, DomainFigures, cells, confident_mistakes, highest_scores
from trainer.report.markdown import cell

_KINDS = 5


def domain_section(manifest: ModelManifest, assessment: Assessment, trained_on: Collection[str]) -> str:
    """Returns the section, without any text of the data; empty where there are no further domains.

    Args:
        manifest: Of the artifact.
        assessment: What was measured.
        trained_on: The texts of the training.
    """
    if not assessment.domains:
        return ""
    lines = ["## Domains side by side\n", *_figures(assessment)]
    if manifest.confident_goals:
        lines += _goals(manifest.confident_goals)
    if any(figures.metrics for _, figures in assessment.domains):
        lines += ["\n![domains](report/domains.png)"]
    lines += [*_mistakes(manifest, assessment), *_sources(assessment, set(trained_on))]
    return "\n".join(lines)


def _figures(assessment: Assessment) -> Iterator[str]:
    mean_score = float(highest_scores(assessment.outputs.logits).mean())
    home = DomainFigures(HOME, assessment.metrics, mean_score, None)
    yield _row(COLUMNS)
    yield _row(["---"] * len(COLUMNS))
    yield from (_row(cells(figures)) for figures in (home, *(own for _, own in assessment.domains)))


def _goals(goals: ConfidentGoals) -> Iterator[str]:
    yield "\nTemperature and threshold were fitted on all of them. Asked was that, of the confident labels,"
    yield f"{goals.validation:.0%} of those of {HOME} are right and {goals.domains:.0%} of those of each further domain"
    if goals.without_feeling is not None:
        yield f"and that at most {goals.without_feeling:.0%} of the texts without a feeling are confident"
    yield "(the lowest score that reaches this, and not below that of validation alone)."
    if goals.missed:
        yield "No score reaches all of that. Missed is:\n"
        yield from (f"- {missed}" for missed in goals.missed)
    if goals.held_out is None:
        return
    yield "\nOf texts that neither temperature nor threshold was fitted on:\n"
    yield _row(["domain", "confident", "right of these"])
    yield _row(["---"] * 3)
    for name, share in goals.held_out.items():
        yield _row([name, f"{share.coverage:.4f}", "–" if share.accuracy is None else f"{share.accuracy:.4f}"])
    if goals.held_out_without_feeling is not None:
        yield _row(["texts without a feeling", f"{goals.held_out_without_feeling:.4f}", "–"])


def _mistakes(manifest: ModelManifest, assessment: Assessment) -> Iterator[str]:
    score = manifest.confident_score
    if score is None:
        return
    splits = {HOME: (assessment.outputs.logits, assessment.right)}
    splits |= {own.domain.name: own.labelled for own, _ in assessment.domains}
    yield f"\nThe most frequent kinds of confident mistakes, up to {_KINDS} a domain:\n"
    yield _row(["domain", "right label", "label given", "texts"])
    yield _row(["---"] * 4)
    for name, labelled in splits.items():
        for right, given, count in confident_mistakes(labelled, manifest.labels, score)[:_KINDS]:
            yield _row([name, right, given, f"{count:,}"])


def _sources(assessment: Assessment, trained_on: set[str]) -> Iterator[str]:
    yield "\nA text with several labels alike, but not all, is left out: which one is right cannot be said.\n"
    yield _row(["domain", "source", "left out", "trained on too", "digest of the rows"])
    yield _row(["---"] * 5)
    for outputs, _ in assessment.domains:
        domain = outputs.domain
        leaks = sum(text in trained_on for text in (*domain.texts, *domain.without_feeling))
        yield _row([domain.name, domain.source, f"{domain.left_out:,}", f"{leaks:,}", f"`{domain.digest}`"])


def _row(values: Collection[str]) -> str:
    return f"| {' | '.join(map(cell, values))} |"
