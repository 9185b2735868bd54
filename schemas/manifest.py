"""The model manifest: what the trainer says about an artifact, for the worker and for people.

An artifact is a plain Hugging Face model folder; `manifest.json` beside the weights names them, so that each label can
say which model it came from.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from schemas.label_fit import LabelFits
from schemas.problem_type import SINGLE_LABEL, ProblemType

MANIFEST_FILE = "manifest.json"

# What a loader may read from a model folder; cards, pictures and checkpoints' leftovers are none of it.
_MODEL_SUFFIXES = frozenset({".bin", ".jinja", ".json", ".model", ".safetensors", ".txt"})
_CHUNK_BYTES = 1 << 20


class _Part(BaseModel):
    """Frozen; a field of a later version is ignored, so that an old worker reads a new manifest."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LabelMetrics(_Part):
    """How well one label is told."""

    precision: float = Field(ge=0, le=1, description="Share of the predictions of this label that are right.")
    recall: float = Field(ge=0, le=1, description="Share of the texts of this label that are found.")
    f1: float = Field(ge=0, le=1, description="Harmonic mean of precision and recall.")
    support: int = Field(ge=0, description="Texts of this label in the split.")
    ece: float | None = Field(default=None, ge=0, le=1, description="Calibration error of its scores; multi-label.")


class Estimate(_Part):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


class ConfidentMetrics(_Part):
    """What a threshold on the score keeps of a split."""

    score: float = Field(ge=0, le=1, description="Score from which a label is confident.")
    coverage: Estimate = Field(description="Share of the texts whose label is confident.")
    accuracy: Estimate = Field(description="Share of the confident labels that are right.")


class SplitMetrics(_Part):
    """How well a model labels one split."""

    rows: int = Field(ge=1, description="Texts in the split.")
    loss: float = Field(description="Mean cross-entropy over the texts, in nats; multi-label: over labels, too.")
    accuracy: float = Field(ge=0, le=1, description="Share of the texts whose label, or set of labels, is right.")
    macro_f1: float = Field(ge=0, le=1, description="Mean F1 over labels that occur or are told; multi-label: all.")
    ece: float | None = Field(default=None, ge=0, le=1, description="Expected calibration error over 15 bins.")
    brier: float | None = Field(default=None, ge=0, le=2, description="Mean squared distance of scores and label.")
    confident: ConfidentMetrics | None = Field(default=None, description="Figures at the model's `confident_score`.")
    labels: dict[str, LabelMetrics] = Field(description="Figures of each label, in id order.")


class WithoutFeeling(_Part):
    """What a model makes of texts of one domain that none of its labels is right for."""

    rows: int = Field(ge=1, description="Such texts.")
    mean_score: float = Field(ge=0, le=1, description="Mean of their highest scores.")
    confident: float | None = Field(
        default=None, ge=0, le=1, description="Share whose label is confident; null without a `confident_score`."
    )


class ScoreQuality(_Part):
    """How far the scores can be believed."""

    ece: Estimate = Field(description="Expected calibration error over 15 bins, without what chance alone shows.")
    brier: Estimate = Field(description="Mean squared distance of scores and label, 0 to 2.")
    loss: Estimate = Field(description="Mean cross-entropy, in nats.")


class Calibration(_Part):
    """The temperature that the model's logits were divided by, and what it did on validation."""

    temperature: float = Field(gt=0, description="Folded into the stored weights of the head.")
    before: ScoreQuality = Field(description="As trained.")
    after: ScoreQuality = Field(description="Each half of the split with the temperature fitted on the other half.")
    held_out_coverage: float | None = Field(
        default=None, description="Coverage where each half has the threshold suggested by the other half."
    )
    held_out_accuracy: float | None = Field(default=None, description="Accuracy of what is kept in that way.")


class ConfidentShare(_Part):
    """What a threshold keeps of a domain's texts."""

    coverage: float = Field(ge=0, le=1, description="Share of the texts whose label is confident.")
    accuracy: float | None = Field(
        default=None, ge=0, le=1, description="Share of the confident labels that are right; null where there is none."
    )


class ConfidentGoals(_Part):
    """What `confident_score` was asked for, of a model with further validation data."""

    validation: float = Field(ge=0, le=1, description="Of validation, at least this share of confident labels right.")
    domains: float = Field(ge=0, le=1, description="The same of each further domain.")
    without_feeling: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="At most this share of the texts without a feeling confident; null where they are too few to tell.",
    )
    missed: list[str] = Field(description="What is not reached by any score, in words; empty where all is.")
    held_out: dict[str, ConfidentShare] | None = Field(
        default=None,
        description="By domain: each half of the texts with temperature and threshold fitted on the other halves.",
    )
    held_out_without_feeling: float | None = Field(
        default=None, ge=0, le=1, description="Share of the texts without a feeling that is confident in that way."
    )


class Histogram(_Part):
    """Shares of the texts between edges; the first and last take what lies beyond."""

    edges: list[float] = Field(min_length=2)
    shares: list[float] = Field(min_length=1)


class DriftReference(_Part):
    """What the model saw and said on validation, to compare a stream with."""

    labels: dict[str, float] = Field(description="Share of the texts that got each label as their best one.")
    scores: Histogram = Field(description="Scores of these labels.")
    tokens: Histogram = Field(description="Tokens of the texts, special ones included.")
    unknown_token_share: float = Field(ge=0, le=1, description="Share of the tokens that the tokenizer does not know.")


class DataSource(_Part):
    """What the model was trained and measured on."""

    train: str = Field(description="Training split: a hub data set and its split, or a file name.")
    train_rows: int = Field(ge=1, description="Texts trained on.")
    validation: str = Field(description="Validation split: a hub data set and its split, or a file name.")
    validation_rows: int = Field(ge=1, description="Texts measured on.")


class ModelManifest(_Part):
    """The description of an artifact, `manifest.json`."""

    manifest_version: Literal[1] = Field(default=1, description="Version of this format.")
    name: str = Field(min_length=1, description="Name of the model, as labels carry it.")
    revision: str = Field(pattern=r"^sha256:[0-9a-f]{64}$", description="Digest over `files`, changes with each.")
    files: dict[str, str] = Field(description="SHA-256, in hex, of each model and tokenizer file, by file name.")
    base_model: str = Field(min_length=1, description="Model that was fine-tuned: hub id, or name of a local folder.")
    labels: list[str] = Field(min_length=1, description="Label names in id order.")
    problem_type: ProblemType = Field(
        default=SINGLE_LABEL, description="Whether a text gets one label, or each label for itself; as in config.json."
    )
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = Field(
        default=None, description="Score from which a multi-label model gives each label; null: 0.5 for all of them."
    )
    max_tokens: int = Field(ge=1, description="Longest input in tokens, special tokens included; the rest is cut.")
    lower_case: bool = Field(description="Whether the tokenizer lower-cases texts.")
    dtype: str = Field(description="Number format of the stored weights, such as `float32` or `float16`.")
    confident_score: float | None = Field(
        default=None, ge=0, le=1, description="Score from which a label is confident; null without, and multi-label."
    )
    confident_goals: ConfidentGoals | None = Field(
        default=None,
        description="What `confident_score` was asked for; null where it comes from the validation split alone.",
    )
    calibration: Calibration | None = Field(
        default=None, description="How the scores were calibrated; null where they are as trained."
    )
    label_fits: LabelFits | None = Field(default=None, description="How scores and `thresholds` were fitted.")
    trained_at: datetime = Field(description="When training ended, UTC.")
    exported_from: str | None = Field(
        default=None,
        description="Revision whose weights these are in another number format; `metrics` were measured on that one.",
    )
    data: DataSource = Field(description="What the model was trained and measured on.")
    recipe: dict[str, JsonValue] = Field(description="Hyper-parameters of the training, named as in TrainingArguments.")
    metrics: dict[str, SplitMetrics] = Field(
        description="Figures of `validation`, and by name of each further domain with texts that have a right label."
    )
    without_feeling: dict[str, WithoutFeeling] = Field(
        default={}, description="Figures of the texts without a feeling, by the name of their domain."
    )
    reference: DriftReference | None = Field(default=None, description="What drift is measured against.")
    versions: dict[str, str] = Field(description="Versions of the libraries that trained the model.")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Returns the manifest of a model folder, or None where it has none.

        Raises:
            pydantic.ValidationError: if the file is no manifest of this version.
            OSError: if the file is there but cannot be read.
        """
        try:
            content = (folder / MANIFEST_FILE).read_bytes()
        except FileNotFoundError:
            return None
        return cls.model_validate_json(content)

    def write(self, folder: Path) -> None:
        """Writes the manifest into a model folder."""
        (folder / MANIFEST_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def digest_files(folder: Path) -> dict[str, str]:
    """Returns the SHA-256, in hex, of each model and tokenizer file directly in a folder, by file name, sorted.

    The manifest itself and files that no loader reads (cards, pictures, hidden files) are left out.
    """
    return {path.name: _sha256(path) for path in sorted(folder.iterdir()) if _is_model_file(path)}


def revision_of(files: Mapping[str, str]) -> str:
    """Returns the revision of a model, `sha256:…`, from the digests of its files.

    It is the SHA-256 of one line `<file digest>  <file name>` for each file, sorted by name: what `sha256sum` prints.
    """
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _is_model_file(path: Path) -> bool:
    return (
        path.is_file()
        and path.suffix in _MODEL_SUFFIXES
        and path.name != MANIFEST_FILE
        and not path.name.startswith(".")
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
