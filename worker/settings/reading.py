"""Settings of what is read: brokers, topic, group, and how a record becomes a text."""

from typing import Literal

from pydantic import Field

from worker.settings.base import NAME, PATH, SettingsGroup, Topic


class ReadingSettings(SettingsGroup):
    """What the worker reads."""

    bootstrap_servers: str | None = Field(None, pattern=r"^\s*[^\s,:]+:\d{1,5}\s*(,\s*[^\s,:]+:\d{1,5}\s*)*$")
    """Kafka brokers, `host:port` with commas between. Needed by `run` and `check`, except `check --device`."""

    input_topic: Topic = Field("text-messages")
    """Topic that texts are read from."""

    group_id: str = Field("emotion-worker", min_length=1)
    """Consumer group; workers of one group share the work."""

    start_offset: Literal["earliest", "latest"] = Field("earliest")
    """Where a group starts on partitions it has never committed: at their beginning, or with what arrives after the
    worker's start.
    """

    input_format: Literal["json", "text"] = Field("json")
    """What a record's value is: a JSON object, or the plain text itself."""

    text_field: str = Field("text", pattern=PATH)
    """Field of the JSON object that holds the text; dots lead into nested objects (`data.body`)."""

    id_field: str = Field("id", pattern=PATH)
    """Field that holds the message's id; one of another name may be an integer (`payload.after.id`)."""

    max_message_bytes: int = Field(8 << 20, ge=1)
    """A larger value becomes a dead letter before anything reads it."""

    group_instance_id: str | None = Field(None, pattern=NAME)
    """Static membership: a name that this worker alone has and keeps over restarts, so that a restart within the
    session time-out moves no partitions.
    """

    session_timeout_ms: int = Field(45_000, ge=6_000)
    """Silence after which the group takes a worker for dead and gives its partitions away."""

    metadata_max_age_ms: int = Field(60_000, ge=1_000)
    """How often the cluster is asked about its topics: new partitions are found this fast."""
