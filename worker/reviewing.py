"""Builds what draws texts for people to review, from the settings."""

import time
from collections.abc import Callable, Mapping

from schemas.review_record import ReviewReason
from worker.canary.two_models import Canary
from worker.flow import Attention, ModelInfo, Prediction, Refusals
from worker.labelling import now_ms
from worker.messages.encode import LabelMaker
from worker.messages.review import Content, Reviewer, ReviewWriter
from worker.messages.review_draw import Allowance, Sampler, Strata, Stratum, check_rare_labels
from worker.messages.target import Target
from worker.settings import Settings


def make_reviewer(
    settings: Settings,
    target: Target,
    model: ModelInfo,
    refusals: Refusals,
    attention: Attention,
    canary: Canary | None = None,
) -> Reviewer:
    """Draws texts for people to review.

    Raises:
        UserError: A label that is said to be rare is none of the model's, or of the two models'.
    """
    models = [model] if canary is None else [model, canary.model.info]
    check_rare_labels(settings.review_rare_labels, models)
    strata = [Strata(each, settings.review_close_scores, settings.review_rare_labels) for each in models]
    makers = [LabelMaker(each, now_ms) for each in models]
    per_million = {
        ReviewReason.RANDOM: settings.review_random_per_million,
        ReviewReason.NOT_CONFIDENT: settings.review_not_confident_per_million,
        ReviewReason.CLOSE: settings.review_close_per_million,
        ReviewReason.RARE_LABEL: settings.review_rare_per_million,
    }
    sampler = make_sampler(settings, canary.route.choose(*strata) if canary else strata[0], per_million, attention)
    make_label = canary.route.choose(*makers) if canary else makers[0]
    return Reviewer(make_label, sampler, make_review_writer(settings, target, refusals), settings.output_topic)


def make_sampler(
    settings: Settings,
    stratum: Callable[[Prediction], Stratum],
    per_million: Mapping[ReviewReason, int],
    attention: Attention,
) -> Sampler:
    """Draws so many of a million texts for each reason, within the bound and by the seed of the settings."""
    rates = {reason: rate / 1_000_000 for reason, rate in per_million.items()}
    allowance = Allowance(settings.review_per_minute, time.monotonic)
    return Sampler(stratum, rates, allowance, settings.review_seed, attention)


def make_review_writer(settings: Settings, target: Target, refusals: Refusals) -> ReviewWriter:
    """Writes what was drawn for review to `target`."""
    content = Content(settings.review_mask, settings.review_leave_out)
    return ReviewWriter(target, content, now_ms, refusals)
