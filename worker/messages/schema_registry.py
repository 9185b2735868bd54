"""The label's schema in a Confluent-compatible schema registry: found there, or registered."""

import logging
from http import HTTPStatus

from schemas.published import documents
from schemas.wire_format import prefix
from worker.errors import UserError
from worker.messages.registry_client import Answer, RegistryClient
from worker.settings import Settings

_log = logging.getLogger(__name__)

SCHEMA_FILE = "emotion-label.draft-07.schema.json"
_NOT_FOUND = (40401, 40402, 40403)  # the subject, its version, the schema
_READ_ONLY = 42205


def find_label_prefix(settings: Settings) -> bytes:
    """What stands before the JSON of every label; nothing where no registry is set.

    Raises:
        UserError: The registry does not answer, does not take us, or does not take the schema.
    """
    if settings.schema_registry_url is None:
        return b""
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
        self._schema = {"schemaType": "JSON", "schema": documents()[SCHEMA_FILE].decode()}
        self._registry = RegistryClient(settings)

    def find(self) -> int | None:
        """The id of the label's schema; None if the subject does not hold it.

        Raises:
            UserError: The registry does not tell.
        """
        answer = self._registry.post(f"/subjects/{self.name}", self._schema)
        return None if answer.code in _NOT_FOUND else int(answer.field("id"))

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
        if compared.code not in _NOT_FOUND and not compared.field("is_compatible"):
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
                f"let someone register what `emotion-worker schema {SCHEMA_FILE}` prints, or set it to True",
            )

    def _check_allowed(self, answer: Answer) -> None:
        if answer.status == HTTPStatus.FORBIDDEN or answer.code == _READ_ONLY:
            raise UserError(
                f"the schema registry lets this user register nothing under subject {self.name} ({answer.words})",
                "grant it Write on the subject (EMOTION_SCHEMA_REGISTRY_USERNAME), or let someone register what "
                f"`emotion-worker schema {SCHEMA_FILE}` prints",
            )

    def _incompatible(self, answer: Answer) -> UserError:
        return UserError(
            f"the label's schema is not compatible with the latest one of subject {self.name} ({answer.words})",
            "if that is an older one of the label, set the subject's compatibility level to FORWARD: labels only grow; "
            "if it is another's, name another EMOTION_OUTPUT_TOPIC",
        )
