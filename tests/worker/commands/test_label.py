"""`emotion-worker label` as a pipe."""

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.published import documents

COMMAND = [sys.executable, "-m", "worker", "label"]


@pytest.fixture
def environment(tiny_model: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")}
    return own | {"EMOTION_MODEL": str(tiny_model), "EMOTION_DTYPE": "float32", "OMP_NUM_THREADS": "1"}


def label(content: bytes, environment: dict[str, str], folder: Path, *options: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [*COMMAND, *options], input=content, env=environment, cwd=folder, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_every_line_gets_exactly_one_line_in_order(environment: dict[str, str], tmp_path: Path) -> None:
    lines = [
        b'{"id": "a", "text": "first"}',
        b"broken",
        b'{"text": "third"}\r',
        b"",
        b'{"id": "e", "text": ""}',
        b'{"text": "\xff"}',
        *(b'{"text": "%s"}' % (b"more " * (index % 40)) for index in range(1, 1500)),
        b'{"text": "without a newline at the end"}',
    ]
    answers = label(b"\n".join(lines), environment, tmp_path)
    assert len(answers) == len(lines)
    assert [answer["id"] for answer in answers[:6]] == ["a", "2", "3", "4", "5", "6"]
    reasons = [answer.get("dead_letter", {}).get("reason") for answer in answers[:6]]  # type: ignore[attr-defined]
    assert reasons == [None, "invalid_json", None, "invalid_json", "empty_text", "invalid_utf8"]
    check = Draft202012Validator(orjson.loads(documents()["emotion-label.schema.json"]))
    for number, answer in enumerate(answers, 1):
        if "dead_letter" not in answer:
            check.validate(answer)
            assert answer["source"] is None
            assert answer["id"] in ("a", str(number))


def test_plain_text_is_never_guessed_to_be_json(environment: dict[str, str], tmp_path: Path) -> None:
    answers = label(b'{"id": "x", "text": "y"}\n\n  \nlast', environment, tmp_path, "--format", "text")
    assert [answer["id"] for answer in answers] == ["1", "2", "3", "4"]
    assert ["dead_letter" in answer for answer in answers] == [False, True, True, False]


def test_what_is_skipped_has_no_line_and_an_element_of_an_array_has_its_own(
    environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"EMOTION_ONLY_IF": "kind!=like", "EMOTION_WITHOUT_TEXT": "skip", "EMOTION_SPLIT": "array"}
    lines = [b'{"text": "a"}', b'{"kind": "like"}', b"", b'["b", {"text": 1}, {}, {"text": "c"}]\r', b'{"text": "d"}']
    answers = label(b"\n".join(lines), environment, tmp_path)
    assert [answer["id"] for answer in answers] == ["1", "4-0", "4-1", "4-3", "5"]
    assert ["dead_letter" in answer for answer in answers] == [False, False, True, False, False]


def test_plain_text_is_no_array_either(environment: dict[str, str], tmp_path: Path) -> None:
    answers = label(b'["happy", "sad"]', environment | {"EMOTION_SPLIT": "array"}, tmp_path, "--format", "text")
    assert [answer["id"] for answer in answers] == ["1"]


def test_lines_are_numbered_on_across_files(environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("a text\nanother\n")
    answers = label(b"", environment, tmp_path, "--format", "text", "one", "two")
    assert [answer["id"] for answer in answers] == ["1", "2", "3", "4"]


def test_a_line_is_answered_before_the_next_one_comes(environment: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        COMMAND, env=environment, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin
        assert process.stdout
        for number in range(3):
            process.stdin.write(b'{"text": "line"}\n')
            process.stdin.flush()
            assert orjson.loads(process.stdout.readline())["id"] == str(number + 1)
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_reader_that_has_seen_enough_ends_it_quietly(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "many").write_text("a text\n" * 20_000)
    with subprocess.Popen(
        [*COMMAND, "--format", "text", "many"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) != 0
        assert b"Traceback" not in process.stderr.read()


def test_a_file_that_is_not_there_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "nowhere.txt"], env=environment, cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == b"emotion-worker: no such file: nowhere.txt\n"


def test_progress_is_shown_on_a_terminal_only(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("a text\n" * 10)
    command = [*COMMAND, "--format", "text", "texts"]
    piped = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=60)
    assert b"texts" not in piped.stderr
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        shown = b""
        try:
            while chunk := os.read(master, 4096):
                shown += chunk
        except OSError:  # how a terminal says that its last writer is gone
            pass
        assert process.wait(60) == 0
    os.close(master)
    assert b"10 texts" in shown
