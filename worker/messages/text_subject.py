"""The schemas of an input topic's values, as far as they lie under the usual name."""

from worker.messages.avro_reader import writer_types
from worker.messages.avro_types import has_field
from worker.messages.registry_client import RegistryClient
from worker.messages.stored_schema import SchemaNotFoundError, find_schema, latest_version
from worker.messages.writer_schemas import UnusableSchemaError
from worker.settings import Settings


class TextSubject:
    """Under the topic's name (TopicNameStrategy); values name their schema themselves, and may lie elsewhere."""

    def __init__(self, settings: Settings, topic: str) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            UserError: The registry's CA file cannot be used.
        """
        self.name = f"{topic}-value"
        self._paths = settings.fields.text
        self._registry = RegistryClient(settings)

    def problem(self) -> str | None:
        """Why the texts of its latest schema cannot be read; None if they can.

        Raises:
            UserError: The registry does not tell.
        """
        try:
            schema, _ = writer_types(find_schema(self._registry.get, latest_version(self.name)))
        except SchemaNotFoundError:
            return "is not there"
        except UnusableSchemaError as error:
            return f"has a latest schema that {error}"
        if any(has_field(schema, path.names) for path in self._paths):
            return None
        return f"has no field {' or '.join(map(str, self._paths))} in its latest schema"
