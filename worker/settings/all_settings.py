"""All settings in one, each checked with its neighbours."""

from typing import Literal, Self

from pydantic import model_validator
from pydantic_settings import SettingsConfigDict

from schemas.fields import Fields
from worker.settings.base import SettingsGroup
from worker.settings.batching import BatchingSettings
from worker.settings.canary import CanarySettings, parse_key_share
from worker.settings.challenger import ChallengerSettings
from worker.settings.model import ModelSettings
from worker.settings.process import ProcessSettings
from worker.settings.reading import ReadingSettings
from worker.settings.review import ReviewSettings
from worker.settings.schema_registry import RegistrySettings
from worker.settings.security import SecuritySettings
from worker.settings.serving import ServingSettings
from worker.settings.writing import WritingSettings

PREFIX = "EMOTION_"
GROUPS: dict[str, type[SettingsGroup]] = {
    "Reading": ReadingSettings,
    "Writing": WritingSettings,
    "Review": ReviewSettings,
    "Model": ModelSettings,
    "Canary": CanarySettings,
    "Challenger": ChallengerSettings,
    "Batching": BatchingSettings,
    "Process": ProcessSettings,
    "Serving": ServingSettings,
    "Schema registry": RegistrySettings,
    "Security": SecuritySettings,
}
"""The groups as people read them: how to connect in safety comes last, before it the registry."""

_AWAY_MS = 30_000


class Settings(
    ReadingSettings,
    WritingSettings,
    ReviewSettings,
    ModelSettings,
    CanarySettings,
    ChallengerSettings,
    BatchingSettings,
    ProcessSettings,
    ServingSettings,
    RegistrySettings,
    SecuritySettings,
):
    """Settings from environment variables, `.env` and a secrets directory, in this order of precedence."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    @property
    def input_topics(self) -> tuple[str, ...]:
        """The topics that texts are read from."""
        return tuple(map(str.strip, self.input_topic.split(",")))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The topics that are written: those of labels, of dead letters and, if there is one, of reviews."""
        return (self.output_topic, self.dead_letter_topic, *filter(None, [self.review_topic]))

    @property
    def answering_topics(self) -> tuple[str, ...]:
        """Those of the outputs that tell how far the input was answered."""
        return self.output_topic, self.dead_letter_topic

    @property
    def topics(self) -> tuple[str, ...]:
        """All that are read or written."""
        return (*self.input_topics, *self.outputs)

    @property
    def key_range(self) -> tuple[float, float]:
        """The share of keys that this worker labels: from the first up to and without the second, 0 to 1."""
        return (0.0, 1.0) if self.key_share is None else parse_key_share(self.key_share)

    @property
    def fields(self) -> Fields:
        """Where a message's parts lie in a JSON object, and which objects are messages."""
        return Fields.parse(
            self.text_field,
            self.id_field,
            self.copy_fields,
            self.only_if or "",
            self.unavailable_value,
            bare_texts=self.split is not None,
        )

    @property
    def label_format(self) -> Literal["json", "json_schema", "avro"]:
        """How labels are written."""
        return self.output_format or ("json" if self.schema_registry_url is None else "json_schema")

    @property
    def longest_turn_ms(self) -> int:
        """How long a turn of the loop may take while brokers are away."""
        return 2 * self.session_timeout_ms + _AWAY_MS

    @property
    def longest_window_ms(self) -> int:
        """How long a window may become: half of what a transaction may last, which is less than a poll interval too."""
        return max(self.target_window_ms, self.session_timeout_ms // 2)

    @model_validator(mode="after")
    def _check_neighbours(self) -> Self:
        if len(set(self.topics)) < len(self.topics):
            raise ValueError(
                "EMOTION_INPUT_TOPIC, EMOTION_OUTPUT_TOPIC, EMOTION_DEAD_LETTER_TOPIC and EMOTION_REVIEW_TOPIC must be "
                "different topics"
            )
        needs_json = {"EMOTION_COPY_FIELDS": self.copy_fields, "EMOTION_ONLY_IF": self.only_if}
        for name in [name for name, value in needs_json.items() if value and self.input_format == "text"]:
            raise ValueError(f"{name} needs EMOTION_INPUT_FORMAT=json: plain text has no fields")
        if self.split == "array" and self.input_format == "text":
            raise ValueError("EMOTION_SPLIT=array needs EMOTION_INPUT_FORMAT=json: plain text is no array")
        if self.input_format == "avro":
            self._check_avro()
        if self.cloudevents_source and self.label_format != "json":
            raise ValueError(
                "EMOTION_CLOUDEVENTS_SOURCE and EMOTION_SCHEMA_REGISTRY_URL exclude each other, but for "
                "EMOTION_OUTPUT_FORMAT=json: an event says that its data is JSON, which the registry's prefix is not"
            )
        if self.max_poll_interval_ms < self.longest_turn_ms:
            raise ValueError(
                "EMOTION_MAX_POLL_INTERVAL_MS must be at least twice EMOTION_SESSION_TIMEOUT_MS plus "
                f"{_AWAY_MS}: a turn of the loop may take that long while brokers are away"
            )
        if self.target_window_ms * 4 > self.max_poll_interval_ms:
            raise ValueError(
                "EMOTION_TARGET_WINDOW_MS must not be larger than a quarter of EMOTION_MAX_POLL_INTERVAL_MS"
            )
        return self

    @model_validator(mode="after")
    def _check_key_share(self) -> Self:
        if self.key_range == (0, 1):
            return self
        if self.canary_model:
            raise ValueError("EMOTION_CANARY_MODEL and EMOTION_KEY_SHARE exclude each other: one worker, or two")
        if self.delivery != "exactly_once":
            raise ValueError(
                "EMOTION_KEY_SHARE needs EMOTION_DELIVERY=exactly_once: where a group's offsets are gone, among the "
                "labels of two deployments only whole windows tell how far one of them was"
            )
        # The live deployment has the share up to 100, and keeps its group.
        if self.key_range[1] < 1 and self.group_id == type(self).model_fields["group_id"].default:
            raise ValueError(
                f"EMOTION_KEY_SHARE={self.key_share} needs an EMOTION_GROUP_ID of its own: in one group with the other "
                "share, each would skip texts that nobody else reads"
            )
        return self

    def _check_avro(self) -> None:
        if self.schema_registry_url is None:
            raise ValueError("EMOTION_INPUT_FORMAT=avro needs EMOTION_SCHEMA_REGISTRY_URL")
        if self.split:
            raise ValueError("EMOTION_SPLIT needs EMOTION_INPUT_FORMAT=json or text: an Avro record is one message")


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()
