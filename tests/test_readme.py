"""What the README shows is what the code says."""

import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.codec import decode_json
from schemas.dead_letter import Reason
from schemas.published import documents
from worker.settings import markdown_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_settings_table_is_that_of_the_code() -> None:
    assert markdown_table() in README, "paste the output of worker.settings.markdown_table() into README.md"


def test_every_reason_of_a_dead_letter_is_listed() -> None:
    missing = [reason for reason in Reason if f"| `{reason}` | {reason.meaning} |" not in README]
    assert missing == []


def test_the_messages_shown_keep_their_contracts() -> None:
    text, label = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    decode_json(text.encode())
    Draft202012Validator(orjson.loads(documents()["emotion-label.schema.json"])).validate(orjson.loads(label))


def test_every_link_leads_to_a_file() -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", README)]
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


def test_every_folder_is_in_the_tree() -> None:
    listed = set(re.findall(r"^(\w+)/ ", README, re.MULTILINE))
    tracked = {path.parent.name for path in ROOT.glob("*/*.*") if not path.parent.name.startswith(".")}
    assert listed == tracked & {"worker", "trainer", "schemas", "tests", "docker"} == listed


@pytest.mark.parametrize("program", ["worker", "trainer"])
def test_every_command_shown_exists(program: str) -> None:
    shown = set(re.findall(rf"emotion-{program} ([a-z-]+)", README))
    usage = subprocess.run([sys.executable, "-m", program, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown
    assert [command for command in shown if command not in usage] == []
