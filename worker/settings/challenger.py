"""Settings of a challenger beside the live workers: `run --challenger`."""

from pydantic import Field

from worker.settings.base import KafkaName, SettingsGroup


class ChallengerSettings(SettingsGroup):
    """Where a challenger writes, and as whom it reads."""

    challenger_topic: KafkaName = Field("emotion-disagreements")
    """Topic for the texts that `run --challenger` labels otherwise than the live workers did. It holds no texts."""

    challenger_group_id: str | None = Field(None, min_length=1)
    """Consumer group of the challenger, which reads the labels; unset: `EMOTION_GROUP_ID` and `-challenger`."""
