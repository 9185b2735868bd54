"""What the README and the documents below it show is what the code says."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.codec import decode_json
from schemas.published import documents
from tests.pages import TABLES, render

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = {
    str(file.relative_to(ROOT)): file.read_text() for file in (*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/**/*.md"))
}


@pytest.mark.parametrize(("name", "table"), TABLES)
def test_a_table_made_from_the_code_is_what_the_code_says(name: str, table: Callable[[], str]) -> None:
    page = (ROOT / name).read_text()
    assert table() in page, "run `make pages`"
    assert render(page, table()) == page


def test_the_messages_shown_keep_their_contracts() -> None:
    text, label = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    decode_json(text.encode())
    Draft202012Validator(orjson.loads(documents()["emotion-label.schema.json"])).validate(orjson.loads(label))


def test_every_link_leads_to_a_file_and_its_heading() -> None:
    assert "trainer/README.md" in DOCUMENTS
    broken = []
    for name, text in DOCUMENTS.items():
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if link.startswith("http"):
                continue
            path, _, heading = link.partition("#")
            target = (ROOT / name).parent / path if path else ROOT / name
            if not target.exists() or (heading and heading not in headings(target.read_text())):
                broken.append((name, link))
    assert broken == []


def headings(text: str) -> list[str]:
    """The anchors that GitHub gives to a document's headings."""
    return [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"(?m)^#+ (.+)$", text)]


def test_every_folder_is_in_the_tree() -> None:
    listed = set(re.findall(r"^(\w+)/ ", README, re.MULTILINE))
    tracked = {path.parent.name for path in ROOT.glob("*/*.*") if not path.parent.name.startswith(".")}
    assert listed == tracked & {"worker", "trainer", "schemas", "tests", "docker", "findings"} == listed


@pytest.mark.parametrize("program", ["worker", "trainer"])
def test_every_command_shown_exists(program: str) -> None:
    shown = {name for text in DOCUMENTS.values() for name in re.findall(rf"(?m)^emotion-{program} ([a-z-]+)", text)}
    usage = subprocess.run([sys.executable, "-m", program, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown
    assert [command for command in shown if command not in usage] == []
