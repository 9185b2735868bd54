"""The page that follows a text through the code: its example runs, without Kafka and without torch."""

import re
import subprocess
import sys
from pathlib import Path

import orjson

PAGE = (Path(__file__).parents[2] / "worker" / "README.md").read_text(encoding="utf-8")
WITHOUT = "import sys\nfor name in ('kafka', 'torch', 'transformers', 'tokenizers'):\n    sys.modules[name] = None\n"


def test_the_loop_runs_without_kafka_and_without_torch() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", WITHOUT + example], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    topic, _, label = done.stdout.partition(" ")
    assert topic == "labels"
    assert orjson.loads(label)["label"] == "joy"


def test_every_room_is_on_the_page() -> None:
    rooms = {path.parent.name for path in (Path(__file__).parents[2] / "worker").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"\| \[(\w+)/\]", PAGE))
