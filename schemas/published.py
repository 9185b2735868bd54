"""JSON Schema (2020-12) and AsyncAPI 3 documents, made from the contracts."""

from typing import Any

import orjson
from pydantic import TypeAdapter

from schemas.avro_label import label_schema
from schemas.cloud_event import CloudEvent
from schemas.dead_letter import HEADER_PREFIX, DeadLetter
from schemas.disagreement import Disagreement
from schemas.emotion_label import EmotionLabel
from schemas.manifest import ModelManifest
from schemas.review_record import ReviewReason, ReviewRecord
from schemas.text_message import TextMessage

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REGISTRY_DIALECT = "http://json-schema.org/draft-07/schema#"
_ISOLATION = (
    "Read with `isolation.level=read_committed`: the worker writes in transactions, and a reader that reads "
    "uncommitted records sees labels that were taken back and come again. A share group (Apache Kafka 4) needs "
    "`share.isolation.level=read_committed` in the group's own configuration."
)

_WHERE_REGISTRY = "where `EMOTION_SCHEMA_REGISTRY_URL` is set"
_WITH_SCHEMA_ID = {
    "kafka": {
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": "TopicNameStrategy",
        "bindingVersion": "0.5.0",
    }
}


def documents() -> dict[str, bytes]:
    """Each published document by its file name."""
    schemas = {
        "text-message": _schema(TextMessage, "TextMessage"),
        "emotion-label": _schema(EmotionLabel, "EmotionLabel"),
        "cloudevent-headers": _cloudevent_headers(),
        "dead-letter-headers": _dead_letter_headers(),
        "model-manifest": _schema(ModelManifest, "ModelManifest"),
        "review-record": _review_record(),
        "disagreement": _schema(Disagreement, "Disagreement"),
    }
    contents = {f"{name}.schema.json": schema for name, schema in schemas.items()}
    # For schema registries, which do not all know later drafts. It says nothing that these would read in another way.
    contents["emotion-label.draft-07.schema.json"] = schemas["emotion-label"] | {"$schema": _REGISTRY_DIALECT}
    contents["emotion-label.avsc"] = label_schema()
    contents["asyncapi.json"] = asyncapi(schemas)
    return {name: orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n" for name, content in contents.items()}


def _schema(contract: Any, title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, **TypeAdapter(contract).json_schema(), "title": title}


def _dead_letter_headers() -> dict[str, Any]:
    """The headers as they stand on a record: prefixed, every value text."""
    fields = TypeAdapter(DeadLetter).json_schema()
    properties = {}
    for name, field in fields["properties"].items():
        text = {"type": "string", "description": field["description"]}
        if name == "reason":
            text |= {"pattern": "^[a-z0-9_]+$", "examples": fields["$defs"]["Reason"]["enum"]}
        elif name == "origin":
            text["pattern"] = field["pattern"]
        elif name in ("at_ms", "original_bytes"):
            text["pattern"] = r"^\d+$"
        properties[HEADER_PREFIX + name.replace("_", "-")] = text
    required = [HEADER_PREFIX + name.replace("_", "-") for name in fields["required"]]
    return {
        "$schema": _DIALECT,
        "title": "DeadLetterHeaders",
        "type": "object",
        "properties": properties,
        "required": required,
    }


def _review_record() -> dict[str, Any]:
    schema = _schema(ReviewRecord, "ReviewRecord")
    schema["properties"]["reasons"]["items"]["examples"] = list(ReviewReason)
    return schema


def _cloudevent_headers() -> dict[str, Any]:
    """The headers of a label in CloudEvents mode."""
    fields = TypeAdapter(CloudEvent).json_schema()
    properties = {f"ce_{name}": field for name, field in fields["properties"].items()}
    properties["content-type"] = {"type": "string", "const": "application/json"}
    return {
        "$schema": _DIALECT,
        "title": "CloudEventHeaders",
        "description": "Headers of a label where `EMOTION_CLOUDEVENTS_SOURCE` is set; those of the text stand beside "
        "them, but for its own `ce_` and `content-type` headers, of which only a trace goes on.",
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name != "ce_subject"],
    }


def asyncapi(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The AsyncAPI 3 document of the worker, seen from the worker: it receives texts and sends labels."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Emotion labeller",
            "version": "1",
            "description": "Texts come in on one Kafka topic; emotion labels with scores leave on another. "
            + _ISOLATION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "textMessages": _channel(
                "text-messages",
                ["textMessage", "textMessageWithSchemaId", "textMessageInAvro"],
                "Texts to label (`EMOTION_INPUT_TOPIC`).",
            ),
            "emotionLabels": _channel(
                "emotion-labels",
                ["emotionLabel", "emotionLabelEvent", "emotionLabelWithSchemaId", "emotionLabelInAvro", "tombstone"],
                "Labels (`EMOTION_OUTPUT_TOPIC`): same key, same partition number, same timestamp and headers as the "
                "text. " + _ISOLATION,
            ),
            "deadLetters": _channel(
                "emotion-dead-letters",
                ["deadLetter"],
                "Records that can never be labelled (`EMOTION_DEAD_LETTER_TOPIC`), as they came, with the reason in "
                "headers. " + _ISOLATION,
            ),
            "reviews": _channel(
                "emotion-reviews",
                ["reviewRecord"],
                "A sample of labelled texts for people to review (`EMOTION_REVIEW_TOPIC`, off by default): to the "
                "partition number of the text, under its origin as the key. " + _ISOLATION,
            ),
            "disagreements": _channel(
                "emotion-disagreements",
                ["disagreement"],
                "Texts that a challenger labels otherwise than the live workers did (`EMOTION_CHALLENGER_TOPIC`, of "
                "`run --challenger`): same key and partition number as their labels, in the order of these. "
                + _ISOLATION,
            ),
        },
        "operations": {
            "receiveText": _operation("receive", "textMessages"),
            "sendLabel": _operation("send", "emotionLabels"),
            "sendDeadLetter": _operation("send", "deadLetters"),
            "sendReview": _operation("send", "reviews"),
            "sendDisagreement": _operation("send", "disagreements"),
        },
        "components": {
            "messages": {
                "textMessage": {"payload": _payload(schemas["text-message"])},
                "textMessageWithSchemaId": {
                    "payload": _payload(schemas["text-message"]),
                    "bindings": _WITH_SCHEMA_ID,
                    "summary": f"The same from a schema registry's serializer, {_WHERE_REGISTRY}; plain ones may be "
                    "on the same topic.",
                },
                "textMessageInAvro": {
                    "contentType": "application/vnd.apache.avro",
                    "bindings": _WITH_SCHEMA_ID,
                    "summary": "A record of any Avro schema that has a text, where `EMOTION_INPUT_FORMAT=avro`.",
                },
                "emotionLabel": {"payload": _payload(schemas["emotion-label"])},
                "emotionLabelEvent": {
                    "headers": _payload(schemas["cloudevent-headers"]),
                    "payload": _payload(schemas["emotion-label"]),
                    "summary": "The same as a CloudEvent in binary mode, where `EMOTION_CLOUDEVENTS_SOURCE` is set.",
                },
                "emotionLabelWithSchemaId": {
                    "payload": _payload(schemas["emotion-label"]),
                    "bindings": _WITH_SCHEMA_ID,
                    "summary": f"The same with a schema's id before the JSON, {_WHERE_REGISTRY}.",
                },
                "emotionLabelInAvro": {
                    "payload": {
                        "schemaFormat": "application/vnd.apache.avro+json;version=1.9.0",
                        "schema": label_schema(),
                    },
                    "contentType": "application/vnd.apache.avro",
                    "bindings": _WITH_SCHEMA_ID,
                    "summary": "The same in Avro, where `EMOTION_OUTPUT_FORMAT=avro`.",
                },
                "tombstone": {
                    "payload": {"type": "null"},
                    "summary": "A key and no value: what was sent under this key is deleted.",
                },
                "deadLetter": {
                    "headers": _payload(schemas["dead-letter-headers"]),
                    "contentType": "application/octet-stream",
                    "summary": "The original value, whatever it was.",
                },
                "reviewRecord": {"payload": _payload(schemas["review-record"])},
                "disagreement": {"payload": _payload(schemas["disagreement"])},
            }
        },
    }


def _channel(topic: str, messages: list[str], description: str) -> dict[str, Any]:
    return {
        "address": topic,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
    }


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _payload(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as AsyncAPI embeds it: references inlined, because `#/$defs` would point to the outer document."""
    definitions = schema.get("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inline({**definitions[node["$ref"].removeprefix("#/$defs/")], **_without(node, "$ref")})
        return {key: inline(value) for key, value in node.items()}

    inlined: dict[str, Any] = inline(_without(schema, "$defs", "$schema"))
    return inlined


def _without(node: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in names}
