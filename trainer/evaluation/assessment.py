"""What a model is worth on a split, on further domains, and in the suites that are asked for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import SplitMetrics
from trainer.artifact.loading import is_multi_label, load_artifact, names_of, read_manifest
from trainer.data.domains import Domain, load_domains
from trainer.data.labels import label_flags, label_ids
from trainer.data.rows import Columns
from trainer.data.several_labels import load_own
from trainer.errors import UserError
from trainer.evaluation import domains, metrics, multi_label, out_of_domain, robustness
from trainer.evaluation.decision import DecisionRule, rule_of
from trainer.evaluation.domains import DomainFigures, DomainOutputs, domain_figures, domain_outputs
from trainer.evaluation.outputs import Outputs, outputs_of


@dataclass(frozen=True)
class Assessment:
    """The figures of a split, and of the suites that were asked for."""

    metrics: SplitMetrics
    robustness: robustness.Robustness | None
    out_of_domain: out_of_domain.OutOfDomain | None
    outputs: Outputs
    right: NDArray[Any]
    """The right label of each text, of shape [texts]; where a text may have several, 1 for each that it has and 0 for
    the others, of shape [texts, labels]."""
    rule: DecisionRule
    """How logits became scores and labels."""
    domains: list[tuple[DomainOutputs, DomainFigures]] = field(default_factory=list)
    """Of further domains."""

    @property
    def thresholds(self) -> dict[str, float] | None:
        """Of each label, of a model whose labels each stand for themselves."""
        each = self.rule.thresholds
        return None if each is None else dict(zip(self.metrics.labels, each.tolist(), strict=True))

    def as_json(self) -> str:
        """Returns one JSON object: the figures of the split, and `domains` and those of the suites where measured."""
        figures = self.metrics.model_dump()
        if self.thresholds:
            figures["thresholds"] = self.thresholds
        if self.domains:
            figures["domains"] = {each.name: each.as_dict() for _, each in self.domains}
        for name, suite in (("robustness", self.robustness), ("out_of_domain", self.out_of_domain)):
            if suite is not None:
                figures[name] = suite.as_dict()
        return json.dumps(figures, ensure_ascii=False)

    def as_table(self) -> str:
        """Returns the figures for people."""
        each = self.thresholds
        parts = [metrics.as_table(self.metrics) if each is None else multi_label.as_table(self.metrics, each)]
        if self.domains:
            parts.append(domains.as_table([each for _, each in self.domains]))
        if self.robustness is not None:
            parts.append(robustness.as_table(self.robustness))
        if self.out_of_domain is not None:
            parts.append(out_of_domain.as_table(self.out_of_domain))
        return "\n\n".join(parts)


def evaluate_artifact(
    artifact: Path,
    data: str,
    split: str,
    columns: Columns,
    with_robustness: bool,
    outside: Path | None,
    further: str | None,
    config: str | None = None,
) -> Assessment:
    """Labels a split with an artifact, in float32.

    Args:
        artifact: Model folder.
        data: As in `load_split`, like split, columns and config.
        split: Name of the split.
        columns: Names of the columns.
        with_robustness: Whether to run the robustness suites on its texts too.
        outside: File of texts from outside the domain to compare with, if any.
        further: File that lists further domains, as `load_domains` has it, if any.
        config: Of the data set, if it has several.

    Raises:
        UserError: if the artifact or the data cannot be used.
    """
    loaded = load_own(data, split, columns, config)
    kinds = outside and out_of_domain.load_texts(outside)
    model, tokenizer = load_artifact(artifact, "float32")
    _check_kind(model, artifact, data, further, has_several=loaded.several)
    names = names_of(model)
    right = np.array(label_flags(loaded, names) if loaded.several else label_ids(loaded, names))
    others = load_domains("--datasets", further, names)
    suite_texts = loaded.texts if with_robustness else []
    rule = rule_of(model, read_manifest(artifact))
    return assess(model, tokenizer, loaded.texts, right, rule, suite_texts, kinds or {}, others)


def _check_kind(model: PreTrainedModel, artifact: Path, data: str, further: str | None, *, has_several: bool) -> None:
    """Checks that the model gives as many labels a text as the data have: one, or any number."""
    if not is_multi_label(model):
        if has_several:
            raise UserError(
                f"{data}: its texts have any number of labels, but {artifact} gives each one; measure it on texts of "
                "one label, or another model on these"
            )
        return
    if not has_several:
        raise UserError(
            f"{data}: its texts have one label each, but {artifact} gives any number; say what parts several in a cell "
            "with --label-separator, or name columns of 0 and 1 with --label-columns"
        )
    if further is not None:
        raise UserError(
            f"--datasets {further}: domains hold texts of one label, but {artifact} gives any number; measure "
            "each by itself, as --data"
        )


def assess(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: list[str],
    right: NDArray[Any],
    rule: DecisionRule,
    suite_texts: Sequence[str],
    outside: Mapping[str, list[str]],
    further: Sequence[Domain],
) -> Assessment:
    """Measures a model.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        texts: Of a split.
        right: The right label of each, or flags, as in `Assessment.right`.
        rule: How the model's logits become scores and labels.
        suite_texts: Texts to run the robustness suites on; none: they are not run.
        outside: Texts from outside the domain, by kind; none: nothing is compared.
        further: Other domains to measure it in.
    """
    names = names_of(model)
    inside = outputs_of(model, tokenizer, texts)

    def score(some: Sequence[str]) -> NDArray[Any]:
        return rule.scores(outputs_of(model, tokenizer, some).logits)

    suites = robustness.run_suites(score, rule, names, suite_texts) if suite_texts else None
    others = [text for kind in outside.values() for text in kind]
    compared = None
    if others:
        found = outputs_of(model, tokenizer, others)
        compared = out_of_domain.measure_out_of_domain(inside, right, found, outside, rule)
    each = [domain_outputs(model, tokenizer, domain) for domain in further]
    measured = [(outputs, domain_figures(outputs, names, rule)) for outputs in each]
    return Assessment(rule.metrics(inside.logits, right, names), suites, compared, inside, right, rule, measured)
