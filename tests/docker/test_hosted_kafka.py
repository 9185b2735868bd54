"""The settings on the page of hosted services are such that the worker takes them."""

import os
import re
from pathlib import Path

import pytest

from worker.settings import load_settings

PAGE = (Path(__file__).parents[2] / "docker" / "HOSTED_KAFKA.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
SETTING = re.compile(r"(EMOTION_\w+)=(\S+)( +# .*)?")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0].partition("=")[2])
def test_a_block_of_settings_is_taken(block: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("EMOTION_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for line in block.splitlines():
        found = SETTING.fullmatch(line)
        assert found is not None, line
        monkeypatch.setenv(found[1], __file__ if found[1].endswith("_FILE") else found[2])
    settings = load_settings()
    assert settings.protocol in ("SASL_SSL", "SSL")


def test_every_service_says_whether_it_was_run() -> None:
    services = re.findall(r"^\| \[(.+?)\]", PAGE, re.MULTILINE)[:6]
    for service in services:
        section = PAGE.partition(f"\n## {service}\n")[2].partition("\n## ")[0]
        assert re.match(r"\n(Never run|Run on )", section), service
    assert len(services) == 6
