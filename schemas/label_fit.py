"""How scores and thresholds of a multi-label model were fitted: a part of the manifest."""

from pydantic import BaseModel, ConfigDict, Field


class LabelFit(BaseModel):
    """What was fitted for one label on validation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    scale: float = Field(gt=0, description="What the label's logits were multiplied by; folded into the weights.")
    shift: float = Field(description="What was added to them then; folded into the weights.")
    shared: bool = Field(description="Whether scale, shift and threshold are shared by the labels with few texts.")
    ece_before: float = Field(ge=0, le=1, description="Expected calibration error over 15 bins, as trained.")
    ece_after: float = Field(ge=0, le=1, description="The same, each half of the texts with the fit of the other half.")


class LabelFits(BaseModel):
    """What was fitted for all labels, and what it did. *Held out*: each half of the texts by the fit of the other."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    least_texts: int = Field(ge=1, description="With fewer texts that have it, or have it not, a label shares its fit.")
    loss_before: float = Field(description="Mean binary cross-entropy as trained, in nats.")
    loss_after: float = Field(description="The same after calibration, held out.")
    half_macro_f1: float = Field(ge=0, le=1, description="Macro-F1 as trained, with 0.5 as threshold of all labels.")
    held_out_macro_f1: float = Field(ge=0, le=1, description="Macro-F1 with fitted scores and thresholds, held out.")
    labels: dict[str, LabelFit] = Field(description="By label, in id order.")

    @property
    def is_calibrated(self) -> bool:
        """Whether any scores were changed: those of a head that does not end in one linear layer are as trained."""
        return any(label.scale != 1 or label.shift != 0 for label in self.labels.values())
