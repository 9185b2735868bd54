"""Settings of the schema registry, for topics whose values are in Confluent's wire format."""

from typing import Annotated, Literal, Self

from pydantic import Field, FilePath, SecretStr, model_validator

from worker.settings.base import SettingsGroup, refuse, shaped, web_address

_URL_WORDS = (
    "must begin with `https://` or `http://`, then a host (in ASCII) and perhaps a path: no user and password, no `?` "
    "and no `#`"
)


class RegistrySettings(SettingsGroup):
    """Where the registry is, and how the worker proves there who it is."""

    schema_registry_url: Annotated[str, web_address(r"https?://[^\s/@?#]+(/[^\s?#]*)?", _URL_WORDS)] | None = Field(
        None
    )
    """Root of a Confluent-compatible schema registry: labels leave in its wire format, and texts
    (`EMOTION_INPUT_FORMAT=json`) are read with its prefix or without one; `EMOTION_INPUT_FORMAT=avro` needs it. Unset:
    plain JSON only.
    """

    output_format: Literal["json", "json_schema", "avro"] | None = Field(None)
    """How labels are written: `json`, or with the id of their schema in the registry before them, as JSON
    (`json_schema`) or `avro`. Unset: `json_schema` where a registry is set, else `json`.
    """

    schema_registry_register: bool = Field(True)
    """Register the label's schema at start where the registry does not have it; `False`: it must be there."""

    schema_registry_username: Annotated[str, shaped(r"[^:]+", "must be a name without a colon")] | None = Field(None)
    """User name for the registry (HTTP basic auth), or an API key."""

    schema_registry_password: SecretStr | None = Field(None, min_length=1)
    """Its password or secret."""

    schema_registry_ca_file: FilePath | None = Field(None)
    """PEM file of the CAs that sign the registry's certificate; unset: those of the system."""

    @model_validator(mode="after")
    def _check_registry(self) -> Self:
        login: dict[str, object] = {
            "EMOTION_SCHEMA_REGISTRY_USERNAME": self.schema_registry_username,
            "EMOTION_SCHEMA_REGISTRY_PASSWORD": self.schema_registry_password,
        }
        files: dict[str, object] = {"EMOTION_SCHEMA_REGISTRY_CA_FILE": self.schema_registry_ca_file}
        if self.schema_registry_url is None:
            only_find = {"EMOTION_SCHEMA_REGISTRY_REGISTER": None if self.schema_registry_register else False}
            refuse(login | files | only_find, "does nothing without EMOTION_SCHEMA_REGISTRY_URL")
            if self.output_format in ("json_schema", "avro"):
                raise ValueError(f"EMOTION_OUTPUT_FORMAT={self.output_format} needs EMOTION_SCHEMA_REGISTRY_URL")
        elif not self.schema_registry_url.startswith("https:"):
            refuse(files, "does nothing with an EMOTION_SCHEMA_REGISTRY_URL of http:")
        missing = [name for name, value in login.items() if value is None]
        if len(missing) == 1:
            raise ValueError(f"{missing[0]} is missing: a user name and a password belong together")
        return self
