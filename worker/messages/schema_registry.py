"""The label's schema in a Confluent-compatible schema registry: found there, or registered."""

import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from schemas.codec import encode_label
from schemas.emotion_label import EmotionLabel
from schemas.published import documents
from schemas.wire_format import prefix, read_label
from worker.errors import UserError
from worker.messages.fastavro_extra import has_fastavro, require_fastavro
from worker.messages.registry_client import Answer, RegistryClient
from worker.settings import Settings

_log = logging.getLogger(__name__)

WriteLabel = Callable[[EmotionLabel], bytes]
ReadLabel = Callable[[bytes], EmotionLabel]

SCHEMA_FILES = {"json_schema": "emotion-label.draft-07.schema.json", "avro": "emotion-label.avsc"}
_TYPES = {"json_schema": "JSON", "avro": "AVRO"}
_READ_ONLY = 42205


def label_writer(settings: Settings) -> WriteLabel:
    """Writes labels as `EMOTION_OUTPUT_FORMAT` says; what a registry has to know of them it knows then.

    Raises:
        UserError: The registry does not answer, does not take us, or does not take the schema; or fastavro is missing.
    """
    if settings.label_format == "json":
        return encode_label
    if settings.label_format == "avro":
        require_fastavro("EMOTION_OUTPUT_FORMAT=avro")
        from worker.messages.avro_label import AvroLabelWriter

        return AvroLabelWriter(_find_prefix(settings))
    return partial(_write_prefixed, _find_prefix(settings))


def label_reader(settings: Settings) -> ReadLabel:
    """Reads the labels of any worker: those in Avro too, where a registry and fastavro are there.

    What it is raises ValueError of a value that is no label, and NotAnsweredError where the registry does not answer.
    """
    if settings.schema_registry_url is None or not has_fastavro():
        return read_label
    from worker.messages.avro_label import LabelReader

    return LabelReader(settings)


def _write_prefixed(before: bytes, label: EmotionLabel) -> bytes:
    return before + encode_label(label)


def _find_prefix(settings: Settings) -> bytes:
    """What names the schema before every label."""
    subject = LabelSubject(settings)
    found = subject.find()
    schema_id = subject.register() if found is None else found
    _log.info(
        "label_schema_found", extra={"subject": subject.name, "schema_id": schema_id, "registered": found is None}
    )
    return prefix(schema_id)


class LabelSubject:
    """The schemas of the output topic's values, under the topic's name (TopicNameStrategy)."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            UserError: The registry's CA file cannot be used.
        """
        self.name = f"{settings.output_topic}-value"
        self._may_register = settings.schema_registry_register
        self._file = SCHEMA_FILES[settings.label_format]
        self._schema = {"schemaType": _TYPES[settings.label_format], "schema": documents()[self._file].decode()}
        self._registry = RegistryClient(settings)

    def find(self) -> int | None:
        """The id of the label's schema; None if the subject does not hold it.

        Raises:
            UserError: The registry does not tell.
        """
        answer = self._registry.post(f"/subjects/{self.name}", self._schema)
        return None if answer.is_not_found else int(answer.field("id"))

    def register(self) -> int:
        """Register the label's schema; returns its id.

        Raises:
            UserError: That is not wanted, not allowed, or the subject holds what it is not compatible with.
        """
        self._check_wanted()
        answer = self._registry.post(f"/subjects/{self.name}/versions", self._schema)
        self._check_allowed(answer)
        if answer.status == HTTPStatus.CONFLICT:
            raise self._incompatible(answer)
        return int(answer.field("id"))

    def rehearse(self) -> None:
        """Try what `register` would do, as far as that can be had without registering anything.

        Raises:
            UserError: What `register` would raise.
        """
        self._check_wanted()
        latest = f"/compatibility/subjects/{self.name}/versions/latest?verbose=true"
        compared = self._registry.post(latest, self._schema)
        if not compared.is_not_found and not compared.field("is_compatible"):
            raise self._incompatible(compared)
        # Who may register is told that an empty schema is none; nobody else gets as far as that.
        answer = self._registry.post(f"/subjects/{self.name}/versions", self._schema | {"schema": ""})
        self._check_allowed(answer)
        if answer.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise answer.unexpected()

    def _check_wanted(self) -> None:
        if not self._may_register:
            raise UserError(
                f"the schema registry does not hold the label's schema under subject {self.name}, and "
                "EMOTION_SCHEMA_REGISTRY_REGISTER=False",
                f"let someone register what `emotion-worker schema {self._file}` prints, or set it to True",
            )

    def _check_allowed(self, answer: Answer) -> None:
        if answer.status == HTTPStatus.FORBIDDEN or answer.code == _READ_ONLY:
            raise UserError(
                f"the schema registry lets this user register nothing under subject {self.name} ({answer.words})",
                "grant it Write on the subject (EMOTION_SCHEMA_REGISTRY_USERNAME), or let someone register what "
                f"`emotion-worker schema {self._file}` prints",
            )

    def _incompatible(self, answer: Answer) -> UserError:
        return UserError(
            f"the label's schema is not compatible with the latest one of subject {self.name} ({answer.words})",
            "if that is an older one of the label, set the subject's compatibility level to FORWARD: labels only grow; "
            "if it is another's, or of another EMOTION_OUTPUT_FORMAT, name another EMOTION_OUTPUT_TOPIC",
        )
