"""Settings of the model: which one, on which device, in which number format."""

from typing import Annotated, Literal

from pydantic import Field

from worker.settings.base import SettingsGroup, shaped

_DEVICE_WORDS = "must be `auto`, `cpu`, `cuda`, one of several GPUs such as `cuda:1`, or `mps`"


class ModelSettings(SettingsGroup):
    """The model and where it runs."""

    model: str = Field("bundled", min_length=1)
    """`bundled`, a folder, or a Hugging Face hub id."""

    model_revision: str | None = Field(None)
    """Branch, tag or commit of a model from the hub."""

    device: Annotated[str, shaped(r"auto|cpu|mps|cuda(:\d+)?", _DEVICE_WORDS)] = Field("auto")
    """`auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field("auto")
    """Precision of the model: `auto` is bfloat16 where the device has instructions for it, else float32. Where its
    labels of built-in texts differ from float32, the worker steps back to that and says so.
    """

    golden_set: str | None = Field(None, min_length=1)
    """File of texts of your own, each with the label that the model must give it (`{"text", "label"}`, one a line).
    The model is held against it before it labels, as against the golden set beside its weights.
    """

    confident_score: float | None = Field(None, ge=0, le=1)
    """Score from which a label is `confident`; unset: the threshold that the model's manifest suggests. Of a
    multi-label model: score from which each label is given; unset: the manifest's thresholds, else 0.5.
    """
