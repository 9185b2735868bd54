"""Settings of a second model on some of the keys, in one worker or in a deployment of its own."""

from typing import Annotated

from pydantic import Field

from worker.settings.base import SettingsGroup, readable


def parse_key_share(text: str) -> tuple[float, float]:
    """`5-100` as 0.05 and 1.0.

    Raises:
        ValueError: It is no such range.
    """
    low, _, high = text.partition("-")
    try:
        share = float(low) / 100, float(high) / 100
    except ValueError:
        share = (1.0, 0.0)
    if not 0 <= share[0] < share[1] <= 1:
        raise ValueError("must be two numbers from 0 to 100, the smaller first: `5-100`")
    return share


class CanarySettings(SettingsGroup):
    """What another model labels. Without EMOTION_CANARY_MODEL the others do nothing: unset it to roll back."""

    canary_model: str | None = Field(None, min_length=1)
    """A second model, as `EMOTION_MODEL`: in `run` it labels a share of the keys, in the same windows and the same
    transactions. `check` looks at both. Unset: none.
    """

    canary_model_revision: str | None = Field(None)
    """Branch, tag or commit of a canary from the hub."""

    canary_percent: float = Field(5, ge=0, le=100)
    """The share of keys that the canary labels. The same key always has the same model; a larger share takes keys from
    the live model, and gives none back. Records without a key go by their topic, partition and offset.
    """

    canary_golden_set: str | None = Field(None, min_length=1)
    """The canary's `EMOTION_GOLDEN_SET`. The golden set beside its weights counts as well."""

    canary_confident_score: float | None = Field(None, ge=0, le=1)
    """The canary's `EMOTION_CONFIDENT_SCORE`; unset: what its own manifest says."""

    key_share: Annotated[str, readable(parse_key_share)] | None = Field(None)
    """Of two deployments: the keys that this one labels, in percent, `5-100` and `0-5`. It skips the others. Each
    deployment has an `EMOTION_GROUP_ID` of its own; that up to 100 is the live one, which keeps its group. See
    docker/README.md before it is changed. Unset: all keys.
    """
