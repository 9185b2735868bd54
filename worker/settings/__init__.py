"""Every setting of the worker: documented, checked with its neighbours, and read in this one place."""

import difflib
import os
import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import NoDecode, SettingsConfigDict

from schemas.text_message import Fields
from worker.errors import UserError
from worker.settings.registry import RegistrySettings
from worker.settings.security import SecuritySettings

PREFIX = "EMOTION_"
# Kubernetes gives every container variables named after the services around it; one may well be called emotion-….
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT\w*)$|_PORT(_\d+_(TCP|UDP|SCTP)\w*)?$")
_SECRETS_VARIABLE = "EMOTION_SECRETS_DIR"

_AWAY_MS = 30_000
_NAME = r"^[a-zA-Z0-9._-]{1,249}$"  # what Kafka takes for a topic
_PATH = r"^[^.]+(\.[^.]+)*$"
FieldPath = Annotated[str, StringConstraints(pattern=_PATH)]
Topic = Annotated[str, StringConstraints(pattern=_NAME)]


class Settings(RegistrySettings, SecuritySettings):
    """Settings from environment variables, `.env` and a secrets directory, in this order of precedence."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, protected_namespaces=()
    )

    bootstrap_servers: str | None = Field(
        None,
        pattern=r"^\s*[^\s,:]+:\d{1,5}\s*(,\s*[^\s,:]+:\d{1,5}\s*)*$",
        description="Kafka brokers, `host:port` with commas between. "
        "Needed by `run` and `check`, except `check --device`.",
    )
    input_topic: Topic = Field("text-messages", description="Topic that texts are read from.")
    output_topic: Topic = Field("emotion-labels", description="Topic that labels are written to.")
    dead_letter_topic: Topic = Field(
        "emotion-dead-letters", description="Topic for records that can never be labelled, with the reason."
    )
    group_id: str = Field(
        "emotion-worker", min_length=1, description="Consumer group; workers of one group share the work."
    )
    start_offset: Literal["earliest", "latest"] = Field(
        "earliest",
        description="Where a group starts on partitions it has never committed: at their beginning, or with what "
        "arrives after the worker's start.",
    )
    delivery: Literal["exactly_once", "at_least_once"] = Field(
        "exactly_once",
        description="`exactly_once`: labels, dead letters and offsets of a window in one transaction. "
        "`at_least_once`: no transactions; a crash may label the last window again.",
    )
    input_format: Literal["json", "text"] = Field(
        "json", description="What a record's value is: a JSON object, or the plain text itself."
    )
    text_field: str = Field(
        "text",
        pattern=_PATH,
        description="Field of the JSON object that holds the text; dots lead into nested objects (`data.body`).",
    )
    max_message_bytes: int = Field(
        8 << 20,
        ge=1,
        description="A larger value becomes a dead letter before anything reads it.",
    )
    id_field: str = Field(
        "id",
        pattern=_PATH,
        description="Field that holds the message's id; one of another name may be an integer (`payload.after.id`).",
    )
    copy_fields: Annotated[tuple[FieldPath, ...], NoDecode] = Field(
        (),
        description="Fields of the JSON object that its label carries under `copied`, with commas between "
        "(`author.id,lang`).",
    )
    cloudevents_source: str | None = Field(
        None,
        min_length=1,
        description="Labels leave as CloudEvents (binary mode) from this source, a URI such as `//example.org/labels`; "
        "unset: without their headers.",
    )
    model: str = Field("bundled", min_length=1, description="`bundled`, a folder, or a Hugging Face hub id.")
    model_revision: str | None = Field(None, description="Branch, tag or commit of a model from the hub.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="`auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`.",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Precision of the model: `auto` is bfloat16 where the device has instructions for it, else "
        "float32. Where its labels of built-in texts differ from float32, the worker steps back to that and says so.",
    )
    confident_score: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Score from which a label is `confident`; unset: the threshold that the model's manifest suggests.",
    )
    batch_tokens: int | None = Field(
        None,
        ge=1,
        description="Padded tokens of a batch; on a CPU each core may have one of its own. Unset: what is fastest "
        "here, measured at the first start of `run`, or by `check --device`, and kept below `XDG_CACHE_HOME`.",
    )
    cache_texts: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="Texts whose scores are remembered, for streams that repeat themselves; 0: none. Some 1 kB each. "
        "Within a window a text is always computed once only.",
    )
    target_window_ms: int = Field(
        1_000,
        ge=10,
        description="Under backlog, windows grow until one takes about this long; a light load is labelled at once.",
    )
    window_max_records: int = Field(
        8_192, ge=1, le=100_000, description="Records that are gathered, delivered and committed together, at most."
    )
    max_rejected_percent: int = Field(
        95,
        ge=1,
        le=100,
        description="When more than this share of the last 1,000 or more records became dead letters, it stops: "
        "the producer or a setting is wrong, not the data. 100: never.",
    )
    group_instance_id: str | None = Field(
        None,
        pattern=_NAME,
        description="Static membership: a name that this worker alone has and keeps over restarts, so that a restart "
        "within the session time-out moves no partitions.",
    )
    session_timeout_ms: int = Field(
        45_000,
        ge=6_000,
        description="Silence after which the group takes a worker for dead and gives its partitions away.",
    )
    max_poll_interval_ms: int = Field(
        600_000,
        ge=30_000,
        description="The longest that one window may take; past it the worker ends itself and is started again. "
        "At least twice the session time-out plus 30 s.",
    )
    processes: str = Field(
        "auto",
        pattern=r"^(auto|[1-9]\d?)$",
        description="Processes that share the work on this machine, as members of one group: a number, or `auto`: one "
        "for each two cores, four at most; one with a GPU.",
    )
    http_port: int = Field(
        8_080,
        ge=0,
        le=65_535,
        description="Port of `/livez`, `/readyz` and `/metrics`, on all addresses; 0: none.",
    )
    metadata_max_age_ms: int = Field(
        60_000,
        ge=1_000,
        description="How often the cluster is asked about its topics: new partitions are found this fast.",
    )

    @field_validator("copy_fields", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(path.strip() for path in value.split(",")) if isinstance(value, str) else value

    @property
    def fields(self) -> Fields:
        """Where a message's parts lie in a JSON object."""
        return Fields(self.text_field, self.id_field, self.copy_fields)

    @property
    def longest_turn_ms(self) -> int:
        """How long a turn of the loop may take while brokers are away."""
        return 2 * self.session_timeout_ms + _AWAY_MS

    @model_validator(mode="after")
    def _check_neighbours(self) -> Self:
        topics = [self.input_topic, self.output_topic, self.dead_letter_topic]
        if len(set(topics)) < len(topics):
            raise ValueError(
                "EMOTION_INPUT_TOPIC, EMOTION_OUTPUT_TOPIC and EMOTION_DEAD_LETTER_TOPIC must be three different topics"
            )
        if self.copy_fields and self.input_format == "text":
            raise ValueError("EMOTION_COPY_FIELDS needs EMOTION_INPUT_FORMAT=json: plain text has no fields")
        if self.cloudevents_source and self.schema_registry_url:
            raise ValueError(
                "EMOTION_CLOUDEVENTS_SOURCE and EMOTION_SCHEMA_REGISTRY_URL exclude each other: an event says that its "
                "data is JSON, which the registry's prefix is not"
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


def load_settings(**overrides: object) -> Settings:
    """Read and check the settings; `overrides` win over all sources.

    Raises:
        UserError: A setting is misspelt or invalid; the message has one line for each.
    """
    secrets_dir = os.environ.get(_SECRETS_VARIABLE)
    if secrets_dir and not os.path.isdir(secrets_dir):
        raise UserError(f"{_SECRETS_VARIABLE}: there is no folder {secrets_dir}")
    _refuse_unknown_names(_names_in_use(secrets_dir))
    try:
        return Settings(_secrets_dir=secrets_dir, **overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise UserError("\n".join(_line(detail) for detail in error.errors(include_url=False))) from None


def changed_settings(settings: Settings) -> dict[str, str]:
    """What differs from the defaults, by variable; secrets are masked."""
    values = {name: (getattr(settings, name), field.default) for name, field in _described()}
    return {variable(name): str(value) for name, (value, default) in values.items() if value != default}


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def markdown_table() -> str:
    """The settings as the README shows them."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in _described():
        default = "–" if field.default in (None, ()) else f"`{field.default}`"
        lines.append(f"| `{variable(name)}` | {default} | {field.description} |")
    return "\n".join(lines)


def _described() -> list[tuple[str, FieldInfo]]:
    """The settings as people read them: how to connect in safety comes last, before it the registry."""
    last = [*RegistrySettings.model_fields, *SecuritySettings.model_fields]
    own = [name for name in Settings.model_fields if name not in last]
    return [(name, Settings.model_fields[name]) for name in own + last]


def _names_in_use(secrets_dir: str | None) -> dict[str, str]:
    from dotenv import dotenv_values

    names = {name.upper(): value or "" for name, value in dotenv_values(".env").items()}
    if secrets_dir:
        names |= {name.upper(): "" for name in os.listdir(secrets_dir)}
    names |= {name.upper(): value for name, value in os.environ.items()}
    return {name: value for name, value in names.items() if name.startswith(PREFIX)}


def _refuse_unknown_names(names: dict[str, str]) -> None:
    known = [variable(field) for field in Settings.model_fields] + [_SECRETS_VARIABLE]
    problems = []
    for name, value in sorted(names.items()):
        if name in known or (_SERVICE_LINK.search(name) and (not name.endswith("_PORT") or "://" in value)):
            continue
        close = difflib.get_close_matches(name, known, n=1)
        problems.append(f"{name}: no such setting" + (f"; did you mean {close[0]}?" if close else ""))
    if problems:
        raise UserError("\n".join(problems))


def _line(detail: object) -> str:
    location, message = detail["loc"], str(detail["msg"]).removeprefix("Value error, ")  # type: ignore[index]
    return f"{variable(str(location[0]))}: {message}" if location else message
