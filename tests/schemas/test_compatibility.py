"""Today's contracts against those of the last release: either side of a topic may be upgraded first."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.codec import decode_json
from schemas.published import documents
from tests.schemas.compatibility import breaks

SCHEMAS = Path(__file__).parents[2] / "schemas"
RELEASED = max((SCHEMAS / "released").glob("[0-9]*"), key=lambda folder: int(folder.name))
CONTRACTS = {
    "emotion-label": True,
    "dead-letter-headers": True,
    "disagreement": True,
    "text-message": False,
    "model-manifest": False,
}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def today(contract: str) -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads(documents()[f"{contract}.schema.json"])
    return schema


def released(contract: str) -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads((RELEASED / f"{contract}.schema.json").read_bytes())
    return schema


def refused(schema: dict[str, Any], examples: Path) -> list[str]:
    """The names of the examples that a schema does not take."""
    check = Draft202012Validator(schema)
    paths = sorted(examples.iterdir())
    assert paths
    return [p.name for p in paths if not check.is_valid(orjson.loads(p.read_bytes().removeprefix(BYTE_ORDER_MARK)))]


@pytest.mark.parametrize("contract", [name for name in CONTRACTS if name != "model-manifest"])
def test_what_was_valid_then_is_valid_now_and_readers_of_then_understand_what_is_sent_now(contract: str) -> None:
    folder = contract.replace("-", "_")
    assert refused(today(contract), RELEASED / "examples" / folder) == []
    assert refused(released(contract), SCHEMAS / "examples" / folder / "valid") == []


@pytest.mark.parametrize("path", sorted((RELEASED / "examples" / "text_message").iterdir()), ids=lambda path: path.name)
def test_the_worker_reads_what_producers_sent_then(path: Path) -> None:
    decode_json(path.read_bytes())


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_contract_has_only_grown(contract: str) -> None:
    assert breaks(released(contract), today(contract), sent=CONTRACTS[contract]) == []


def remove_score(schema: dict[str, Any]) -> None:
    del schema["properties"]["score"]


def score_as_text(schema: dict[str, Any]) -> None:
    schema["properties"]["score"] = {"type": "string"}


def narrower_score(schema: dict[str, Any]) -> None:
    schema["properties"]["score"]["maximum"] = 0.5


def score_may_be_missing(schema: dict[str, Any]) -> None:
    schema["required"].remove("score")


def next_version(schema: dict[str, Any]) -> None:
    schema["properties"]["schema_version"]["const"] = 2


def offset_as_text(schema: dict[str, Any]) -> None:
    schema["$defs"]["Source"]["properties"]["offset"] = {"type": "string"}


def label_as_enum(schema: dict[str, Any]) -> None:
    schema["properties"]["label"]["enum"] = ["joy", "sadness"]


def no_more_fields(schema: dict[str, Any]) -> None:
    schema["additionalProperties"] = False


def id_is_asked_for(schema: dict[str, Any]) -> None:
    schema["required"].append("id")


def shorter_text(schema: dict[str, Any]) -> None:
    schema["properties"]["text"]["maxLength"] = 280


def more_labels(schema: dict[str, Any]) -> None:
    schema["properties"]["labels"]["minItems"] = 3


def other_name_of_the_reason(schema: dict[str, Any]) -> None:
    schema["properties"]["dead-letter-cause"] = schema["properties"].pop("dead-letter-reason")


@pytest.mark.parametrize(
    ("contract", "change"),
    [
        *[("emotion-label", change) for change in (remove_score, score_as_text, narrower_score, score_may_be_missing)],
        *[("emotion-label", change) for change in (next_version, offset_as_text, label_as_enum, no_more_fields)],
        *[("text-message", change) for change in (id_is_asked_for, shorter_text)],
        ("model-manifest", more_labels),
        ("dead-letter-headers", other_name_of_the_reason),
        *[("disagreement", change) for change in (next_version, offset_as_text)],
    ],
)
def test_a_change_that_breaks_somebody_is_found(contract: str, change: Callable[[dict[str, Any]], None]) -> None:
    changed = deepcopy(today(contract))
    change(changed)
    assert breaks(released(contract), changed, sent=CONTRACTS[contract])


def test_a_field_may_be_added() -> None:
    changed = deepcopy(today("emotion-label"))
    changed["properties"]["language"] = {"type": "string"}
    changed["required"].append("language")
    assert breaks(released("emotion-label"), changed, sent=True) == []
