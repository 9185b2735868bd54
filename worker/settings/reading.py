"""Settings of what is read: brokers, topic, group, and how a record becomes a text."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from schemas.condition import parse_conditions
from schemas.fields import UNAVAILABLE, parse_paths
from worker.settings.base import FieldName, KafkaName, SettingsGroup, readable

OF_MESSAGES = ("input_format", "text_field", "id_field", "only_if", "without_text", "split", "unavailable_value")
"""The settings that say how a record becomes a text."""

_TOPIC = TypeAdapter(KafkaName)
_SERVER = re.compile(r"(\[[0-9a-fA-F:.%\w]+\]|[^\s,:;\[\]/@]+):(\d{1,5})")


def _check_servers(servers: str) -> str:
    for server in map(str.strip, servers.split(",")):
        if "://" in server:
            raise ValueError("must be without a protocol: write `host:port`, and set EMOTION_SECURITY_PROTOCOL to it")
        if re.search(r"[\s;]", server):
            raise ValueError("must have commas between brokers: `host1:9092,host2:9092`")
        if "[" not in server and server.count(":") > 1:
            raise ValueError("must have brackets around IPv6 addresses: `[::1]:9092`")
        found = _SERVER.fullmatch(server)
        if found is None or not 0 < int(found[2]) < 65_536:
            raise ValueError("must be `host:port`, with commas between several: `host1:9092,host2:9092`")
    return servers


def _check_topics(topics: str) -> str:
    names = list(map(str.strip, topics.split(",")))
    for name in names:
        _TOPIC.validate_python(name)
    if len(set(names)) < len(names):
        raise ValueError("must name each topic once")
    return topics


class ReadingSettings(SettingsGroup):
    """What the worker reads."""

    bootstrap_servers: Annotated[str, AfterValidator(_check_servers)] | None = Field(None)
    """Kafka brokers, `host:port` with commas between; IPv6 as `[::1]:9092`. Needed by `run` and `check`, except
    `check --device`.
    """

    input_topic: Annotated[str, AfterValidator(_check_topics)] = Field("text-messages")
    """Topic that texts are read from; several with commas between. What answers a text has its partition number,
    whichever topic it came from.
    """

    group_id: str = Field("emotion-worker", min_length=1)
    """Consumer group; workers of one group share the work."""

    start_offset: Literal["earliest", "latest"] = Field("earliest")
    """Where a group starts on partitions that it has no offset of and the outputs no answers to: at their beginning, or
    with what arrives after the worker's start. With answers it goes on behind the last, whichever group wrote it.
    """

    input_format: Literal["json", "text", "avro"] = Field("json")
    """What a record's value is: a JSON object, the plain text itself, or an Avro record whose schema is in
    `EMOTION_SCHEMA_REGISTRY_URL`.
    """

    text_field: Annotated[str, readable(parse_paths)] = Field("text")
    """Field of the JSON object or Avro record that holds the text; dots lead into nested objects (`data.body`), numbers
    into arrays (`comments.0.text`). Several with commas between: the first that holds a text counts.
    """

    id_field: FieldName = Field("id")
    """Field that holds the message's id, a string or an integer (`payload.after.id`)."""

    only_if: Annotated[str, readable(parse_conditions)] | None = Field(None)
    """Label only the records whose fields hold this, and skip the others: `kind=commit,lang=en|de,retweeted!=true`."""

    without_text: Literal["dead_letter", "skip"] = Field("dead_letter")
    """What becomes of a record whose text is absent, null or empty: a dead letter, or nothing."""

    split: Literal["array", "lines"] | None = Field(None)
    """Where a record holds several texts: a JSON `array` of them, or one in each of its `lines`, 1,000 at most. Each
    gets a label of its own. Unset: such a record is a dead letter.
    """

    unavailable_value: str = Field(UNAVAILABLE, min_length=1)
    """What Debezium puts in place of a long text that did not change; such a record is skipped."""

    max_message_bytes: int = Field(8 << 20, ge=1)
    """A larger value becomes a dead letter before anything reads it."""

    group_instance_id: KafkaName | None = Field(None)
    """Static membership: a name that this worker alone has and keeps over restarts, so that a restart within the
    session time-out moves no partitions.
    """

    session_timeout_ms: int = Field(45_000, ge=6_000)
    """Silence after which the group takes a worker for dead and gives its partitions away."""

    client_id: str = Field("emotion-worker", min_length=1)
    """The name by which brokers know the worker in their logs, metrics and quotas."""

    client_rack: str | None = Field(None, min_length=1)
    """Where the worker runs, as brokers there have it as `broker.rack`: texts are then read from a replica in
    that rack, if the brokers' `replica.selector.class` allows it. In clouds it is often the zone's id.
    """

    metadata_max_age_ms: int = Field(60_000, ge=1_000)
    """How often the cluster is asked about its topics: new partitions are found this fast."""
