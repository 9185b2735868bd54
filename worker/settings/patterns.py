"""What names and paths look like."""

from typing import Annotated

from pydantic import StringConstraints

NAME = r"^[a-zA-Z0-9._-]{1,249}$"  # what Kafka takes for a topic
PATH = r"^[^.]+(\.[^.]+)*$"  # dots lead into nested objects
FieldPath = Annotated[str, StringConstraints(pattern=PATH)]
Topic = Annotated[str, StringConstraints(pattern=NAME)]
