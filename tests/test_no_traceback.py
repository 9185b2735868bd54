"""Whatever a user or a network did wrong: no command ends with a traceback, each says what is wrong."""

import argparse
import http.server
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from transformers import SqueezeBertForSequenceClassification

import worker.kafka.clients
from tests.harness.tiny_architectures import write_architecture
from tests.harness.tiny_model import write_tiny_model
from tests.harness.worker_process import WorkerProcess
from trainer.__main__ import COMMANDS as TRAINER
from trainer.__main__ import run as trainer_run
from worker.__main__ import main as worker_main
from worker.__main__ import parser as worker_parser
from worker.model.model import Model
from worker.settings import Settings, variable

CLOSED = "127.0.0.1:1"
RELABEL = ("run", "--from", "earliest", "--until", "now", "--to", "elsewhere")
MAY_PASS = (1, 2)  # a host that is away, a file or disk that fails
LABELLED = "so happy;joy\nso low;sadness\n" * 5


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    errors: str

    @property
    def told(self) -> str:
        """All that it said."""
        return self.output + self.errors


class Commands:
    """Runs commands in this process, so that each costs milliseconds. An exception that they let through is a failure.

    Their settings are those given here alone.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._patch = monkeypatch
        self._capfd = capfd

    def __call__(self, program: str, *arguments: object, **settings: object) -> Ended:
        given = list(map(str, arguments))
        with self._patch.context() as patch:
            patch.setattr(sys, "argv", [program, *given])
            for name, value in settings.items():
                patch.setenv(name if name.isupper() else variable(name), str(value))
            # Made where another test read standard error; under CI transformers tells the root logger, too.
            for handler in logging.getLogger().handlers + logging.getLogger("transformers").handlers:
                if type(handler) is logging.StreamHandler:
                    patch.setattr(handler, "stream", sys.stderr)
            try:
                code: Any = worker_main() if program == "emotion-worker" else trainer_run(given)
            except SystemExit as error:
                code = error.code
        ended = Ended(code, *self._capfd.readouterr())
        assert "Traceback" not in ended.told
        return ended

    def refused(self, program: str, *arguments: object, codes: tuple[int, ...] = (2,), **settings: object) -> str:
        """What it says of what cannot be, and only its user can mend; of what may pass it may end with 1, too."""
        ended = self(program, *arguments, **settings)
        assert ended.code in codes, ended.told
        assert ended.told.strip()
        return ended.told


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Commands:
    for name in [name for name in os.environ if name.startswith("EMOTION_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(worker.kafka.clients, "_BOOTSTRAP_TIMEOUT_MS", 300)
    monkeypatch.setattr(worker.kafka.clients, "_BOOTSTRAP_ATTEMPTS", 1)
    monkeypatch.chdir(tmp_path)
    return Commands(monkeypatch, capfd)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


# The commands, and what each of them is given.

KAFKA_COMMANDS: list[tuple[str, ...]] = [
    *(RELABEL, ("check",), ("check", "--json"), ("demo",), ("bench",)),
    *(("dead-letters", "show"), ("dead-letters", "replay")),
    ("reviews", "export", "--format", "csv", "out"),
]
WORKER_FILES: list[tuple[str, ...]] = [("label", "{}"), ("demo", "--input", "{}"), ("bench", "--input", "{}")]
WORKER_MODELS: list[tuple[str, ...]] = [("label",), ("check", "--device"), ("check", "--device", "--json")]
ELSEWHERE = ["schema", "run", "serve"]  # it reads neither; these two load their model as `label` does, and take signals

GOOD = ("--train-file", "good.txt", "--validation-file", "good.txt")
FILE = "{}"  # in the place of a file that is read
TRAINER_FILES: list[tuple[str, ...]] = [
    ("evaluate", "model", "--data", FILE),
    ("evaluate", "model", "--data", "good.txt", "--out-of-domain", FILE),
    ("soft-label", "model", "--data", FILE, "--output", "out"),
    ("cue-label", "--data", FILE, "--output", "out"),
    ("cue-label", "--data", "good.txt", "--cues", FILE, "--output", "out"),
    ("negate", "--data", FILE, "--output", "out"),
    ("golden-set", "model", "--data", FILE, "--output", "out"),
    ("data-report", "--data", FILE),
    ("reviews", FILE),
    ("compare", "model", "model", "--data", FILE),
    ("compare", "model", "model", "--reviews", FILE),
    ("compare", "model", "model", "--data", "good.txt", "--datasets", FILE),
    ("train", "--model", "model", "--output", "out", "--train-file", FILE, "--validation-file", "good.txt"),
    ("train", "--model", "model", "--output", "out", "--train-file", "good.txt", "--validation-file", FILE),
    ("train", "--model", "model", "--output", "out", "--datasets", FILE, *GOOD),
    ("train", "--model", "model", "--output", "out", "--validation_datasets", FILE, *GOOD),
]
TRAINER_MODELS: list[tuple[str, ...]] = [
    ("evaluate", FILE, "--data", "good.txt"),
    ("soft-label", FILE, "--data", "good.txt", "--output", "out"),
    ("export", FILE, "--dtype", "float16", "--output", "out"),
    ("compare", FILE, "model", "--data", "good.txt"),
    ("golden-set", FILE, "--output", "out"),
    ("train", "--model", FILE, "--output", "out", *GOOD),
]
TRAINER_OUTPUTS: list[tuple[str, ...]] = [
    ("soft-label", "model", "--data", "good.txt", "--output", FILE),
    ("cue-label", "--data", "good.txt", "--output", FILE),
    ("negate", "--data", "good.txt", "--output", FILE),
    ("export", "model", "--dtype", "float16", "--output", FILE),
    ("golden-set", "model", "--output", FILE),
    ("data-report", "--data", "good.txt", "--output", FILE),
    ("reviews", "answers.jsonl", "--output", FILE),
    ("compare", "model", "model", "--data", "good.txt", "--output", FILE),
    ("train", "--model", "model", "--output", FILE, *GOOD),
]


def filled(command: tuple[str, ...], path: object) -> list[str]:
    return [str(path) if part == FILE else part for part in command]


def codes_of(command: tuple[str, ...]) -> tuple[int, ...]:
    """How a command of the worker ends on what its user can mend: `check` with 1, as it says all that is wrong."""
    return (1,) if command[0] == "check" else (2,)


def leaves(parser: argparse.ArgumentParser) -> Iterator[tuple[str, ...]]:
    """The names of all commands that a parser has, with those of their own."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield ()
    for action in inner:
        for name, parser_of_it in action.choices.items():
            yield from ((name, *rest) for rest in leaves(parser_of_it))


def test_no_command_is_forgotten() -> None:
    worker_cases = [command for command in [*KAFKA_COMMANDS, *WORKER_FILES, *WORKER_MODELS] if command]
    for names in leaves(worker_parser()):
        assert names[0] in ELSEWHERE or any(case[: len(names)] == names for case in worker_cases), names
    trainer_cases = {command[0] for command in [*TRAINER_FILES, *TRAINER_MODELS, *TRAINER_OUTPUTS]}
    assert trainer_cases == set(TRAINER)


# Wrong hosts


@pytest.fixture(scope="module")
def http_port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def silent_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


HOSTS = ["nowhere.invalid:9092", CLOSED, "[::1]:1", "a..b:9092", "http", "silent"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("command", KAFKA_COMMANDS, ids=" ".join)
def test_a_host_where_no_broker_is(
    command: tuple[str, ...], host: str, http_port: int, silent_port: int, commands: Commands, model: Path
) -> None:
    servers = {"http": f"127.0.0.1:{http_port}", "silent": f"127.0.0.1:{silent_port}"}.get(host, host)
    needed = {"review_topic": "reviews"} if command[0] == "reviews" else {}
    told = commands.refused(
        "emotion-worker", *command, bootstrap_servers=servers, model=model, http_port=0, codes=MAY_PASS, **needed
    )
    assert servers in told
    assert "EMOTION_BOOTSTRAP_SERVERS" in told


@pytest.mark.parametrize("host", HOSTS)
def test_the_service_waits_for_a_host_where_no_broker_is(
    host: str, http_port: int, silent_port: int, tmp_path: Path
) -> None:
    servers = {"http": f"127.0.0.1:{http_port}", "silent": f"127.0.0.1:{silent_port}"}.get(host, host)
    with WorkerProcess(tmp_path, bootstrap_servers=servers) as worker:
        worker.wait_for("broker_away")
        assert servers in worker.log
        assert "EMOTION_BOOTSTRAP_SERVERS" in worker.log
        assert "Traceback" not in worker.log
        assert worker.terminate() == 0


@pytest.mark.parametrize(
    "url", ["http://nowhere.invalid", f"http://{CLOSED}", "http://[::1", "http://a:99999", "http://☃"]
)
def test_a_registry_or_token_endpoint_that_is_none(url: str, commands: Commands, model: Path) -> None:
    common: dict[str, Any] = {"bootstrap_servers": CLOSED, "model": model}
    assert "EMOTION_SCHEMA_REGISTRY_URL" in commands.refused(
        "emotion-worker", "check", schema_registry_url=url, codes=codes_of(("check",)), **common
    )
    oauth = {"sasl_mechanism": "OAUTHBEARER", "oauth_client_id": "☃", "oauth_client_secret": "☃"}
    commands.refused("emotion-worker", "dead-letters", "show", oauth_token_url=url, **oauth, **common, codes=MAY_PASS)


# Wrong files

CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)) * 20,
    "zeros": bytes(100),
    "latin": "text,label\ncafé,joy\n".encode("latin-1"),
    "half": b'{"a": ',
    "other": b"a,b\n1,2\n",
}
SUFFIXES = [".txt", ".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xyz"]


@pytest.fixture
def files(tmp_path: Path, model: Path) -> dict[str, Path]:
    """Files that are none, and the good ones that a command needs besides."""
    (tmp_path / "model").symlink_to(model)
    (tmp_path / "good.txt").write_text(LABELLED)
    folder = tmp_path / "bad"
    (folder / "folder").mkdir(parents=True)
    (folder / "broken-link").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    paths = {name: folder / name for name in ("missing", "folder", "broken-link", "loop", "x" * 300)}
    for suffix in SUFFIXES:
        for name, content in CONTENTS.items():
            paths[name + suffix] = folder / (name + suffix)
            paths[name + suffix].write_bytes(content)
    return paths


@pytest.mark.parametrize("command", WORKER_FILES, ids=" ".join)
@pytest.mark.parametrize("name", ["missing", "folder", "broken-link", "loop", "x" * 300], ids="{:.20}".format)
def test_a_file_that_the_worker_cannot_read(
    command: tuple[str, ...], name: str, commands: Commands, files: dict[str, Path], model: Path
) -> None:
    told = commands.refused(
        "emotion-worker", *filled(command, files[name]), model=model, bootstrap_servers=CLOSED, codes=MAY_PASS
    )
    assert str(files[name]) in told


def test_lines_that_are_no_messages_are_answered(commands: Commands, files: dict[str, Path], model: Path) -> None:
    for path in files.values():
        if path.suffix and path.is_file():
            assert commands("emotion-worker", "label", path, model=model, dtype="float32").code == 0


@pytest.mark.parametrize("command", TRAINER_FILES, ids=" ".join)
def test_a_file_that_the_trainer_cannot_read(
    command: tuple[str, ...], commands: Commands, files: dict[str, Path]
) -> None:
    for name, path in files.items():
        if "--out-of-domain" in command and path.stem in ("half", "other", "zeros"):
            continue  # lines of text like any others
        told = commands.refused("emotion-trainer", *filled(command, path), codes=MAY_PASS)
        assert path.name[:200] in told, name


def test_a_settings_file_or_a_secret_that_is_no_text(commands: Commands, tmp_path: Path) -> None:
    show = ("emotion-worker", "dead-letters", "show")
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    assert ".env is no UTF-8 text" in commands.refused(*show, codes=MAY_PASS)
    (tmp_path / ".env").unlink()
    secret = tmp_path / "secrets" / "emotion_sasl_password"
    secret.parent.mkdir()
    secret.write_bytes(b"\xff")
    assert "EMOTION_SECRETS_DIR" in commands.refused(*show, EMOTION_SECRETS_DIR=secret.parent, codes=MAY_PASS)
    assert "EMOTION_SECRETS_DIR" in commands.refused(*show, EMOTION_SECRETS_DIR=secret, codes=MAY_PASS)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_certificate_that_is_none(content: bytes, commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "file.pem"
    file.write_bytes(content)
    show = ("emotion-worker", "dead-letters", "show")
    for names in (["ssl_ca_file"], ["ssl_certificate_file", "ssl_key_file"]):
        told = commands.refused(
            *show, **{"bootstrap_servers": CLOSED} | dict.fromkeys(names, str(file)), codes=MAY_PASS
        )
        assert variable(names[0]) in told


# Wrong models

BROKEN = {
    "empty": b"",
    "binary": bytes(range(256)) * 9,
    "list": b"[]",
    "null": b"null",
    "text": b'"x"',
    "deep": b"[" * 100_000,
}


def changed_json(file: str, **changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        content = json.loads((folder / file).read_bytes())
        (folder / file).write_text(json.dumps(content | changes))

    return change


def without_unknown_token(folder: Path) -> None:
    model = json.loads((folder / "tokenizer.json").read_bytes())["model"]
    del model["vocab"]["[UNK]"]
    changed_json("tokenizer.json", model=model)(folder)
    changed_json("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")(folder)


def rewritten(file: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(content)


def removed(file: str) -> Callable[[Path], object]:
    return lambda folder: (folder / file).unlink()


MODELS: dict[str, Callable[[Path], object]] = {
    "empty folder": lambda folder: shutil.rmtree(folder) or folder.mkdir(),  # type: ignore[func-returns-value]
    "a file": lambda folder: shutil.rmtree(folder) or folder.write_text("x"),  # type: ignore[func-returns-value]
    "no folder": shutil.rmtree,
    "no config.json": removed("config.json"),
    "no weights": removed("model.safetensors"),
    "cut weights": lambda folder: os.truncate(folder / "model.safetensors", 5_000),
    **{
        f"{name} {file}": rewritten(file, content)
        for file in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
        for name, content in BROKEN.items()
    },
    "unknown kind": changed_json("config.json", model_type="gpt99"),
    "other kind": changed_json("config.json", model_type="t5"),
    "text for a number": changed_json("config.json", hidden_size="x"),
    "no heads": changed_json("config.json", num_attention_heads=0),
    "other activation": changed_json("config.json", hidden_act="nope"),
    "labels in a list": changed_json("config.json", id2label=[1, 2]),
    "no tokenizer model": changed_json("tokenizer.json", model=None),
    "unknown normalizer": changed_json("tokenizer.json", normalizer={"type": "nope"}),
    "later version": changed_json("tokenizer.json", version="9"),
    "longest text of text": changed_json("tokenizer_config.json", model_max_length="x"),
}
MODELS |= {
    "no tokenizer": removed("tokenizer.json"),
    "an adapter": lambda folder: (folder / "adapter_config.json").write_text("{}"),
    "other weights": lambda folder: (folder / "model.safetensors").rename(folder / "model.onnx"),
    "a pointer": rewritten("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    "quantized": changed_json("config.json", quantization_config={"quant_method": "bitsandbytes"}),
    "attention": changed_json("config.json", attn_implementation="flash_attention_2"),
    "no layers": changed_json("config.json", num_hidden_layers=-1),
    "other vocabulary": changed_json("config.json", vocab_size=7),
    "code of its own": changed_json("config.json", model_type="own", auto_map={"AutoConfig": "own.Own"}),
}
NO_CLASSIFIERS = {
    "a gap in the labels": changed_json("config.json", id2label={"0": "a", "1": "b", "3": "c"}),
    "other labels": changed_json("config.json", id2label={"0": "a", "1": "b"}),
    "a regression": changed_json("config.json", problem_type="regression"),
    "pickled": lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
}
NO_BASES = {
    "no padding": changed_json("tokenizer_config.json", pad_token=None),
    "class is a number": changed_json("tokenizer_config.json", tokenizer_class=3),
}
MANIFESTS = {f"{name} manifest.json": rewritten("manifest.json", content) for name, content in BROKEN.items()}
OF_THE_WORKER = {
    "no [UNK] in the vocabulary": without_unknown_token,
    "no room": changed_json("tokenizer_config.json", model_max_length=0),
}


@pytest.fixture
def broken(request: pytest.FixtureRequest, model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "broken-model"
    shutil.copytree(model, folder)
    request.param(folder)
    (tmp_path / "good.txt").write_text(LABELLED)
    return folder


@pytest.mark.parametrize(
    "broken",
    (all_models := MODELS | NO_CLASSIFIERS | MANIFESTS | OF_THE_WORKER).values(),
    ids=all_models,
    indirect=True,
)
def test_a_model_that_the_worker_cannot_use(broken: Path, commands: Commands) -> None:
    for command in WORKER_MODELS:
        told = commands.refused("emotion-worker", *command, model=broken, dtype="float32", codes=codes_of(command))
        assert broken.name in told
        assert "EMOTION_MODEL" in told


@pytest.mark.parametrize("error", [AttributeError, TypeError, AssertionError, RuntimeError, Exception])
def test_a_model_that_fails_on_texts(
    error: type[Exception], commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(self: object, input_ids: object, bbox: object = None) -> None:
        raise error("it needs boxes, too")

    folder = write_architecture(tmp_path / "boxes", "squeezebert")
    monkeypatch.setattr(SqueezeBertForSequenceClassification, "forward", forward)
    for command in WORKER_MODELS:
        told = commands.refused("emotion-worker", *command, model=folder, dtype="float32", codes=codes_of(command))
        assert f"EMOTION_MODEL: {folder} fails on texts: it needs boxes, too" in told


def test_a_device_that_fails_on_the_first_batch_of_texts(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(self: object, batch: object) -> float:
        raise RuntimeError("the device takes no more")

    monkeypatch.setattr(Model, "seconds", seconds)
    write_tiny_model(folder := tmp_path / "model")
    told = commands.refused(
        "emotion-worker", "check", "--device", model=folder, dtype="float32", codes=(1,), XDG_CACHE_HOME=tmp_path
    )
    assert f"{folder} fails on batches of texts: the device takes no more" in told


def test_a_device_that_fails_while_it_labels(
    commands: Commands, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores(self: object, batch: object) -> None:
        raise RuntimeError("the device takes no more\nat all")

    monkeypatch.setattr(Model, "_scores", scores)
    (texts := tmp_path / "texts").write_text("a text\n")
    ended = commands("emotion-worker", "label", "--format", "text", texts, model=model, dtype="float32")
    assert (ended.code, ended.output) == (1, "")
    (line,) = ended.errors.splitlines()
    assert line.startswith("emotion-worker: the model fails on its device: RuntimeError: the device takes no more: ")
    assert "EMOTION_DEVICE" in line


@pytest.mark.parametrize("broken", (bases := MODELS | NO_BASES).values(), ids=bases, indirect=True)
def test_a_model_that_the_trainer_cannot_use(broken: Path, commands: Commands) -> None:
    for command in TRAINER_MODELS:
        if command[0] == "train" and not broken.is_dir():
            continue  # it is asked of the hub
        assert broken.name in commands.refused("emotion-trainer", *filled(command, broken))


@pytest.mark.parametrize("broken", NO_CLASSIFIERS.values(), ids=NO_CLASSIFIERS, indirect=True)
def test_a_classifier_that_the_trainer_cannot_use(broken: Path, commands: Commands) -> None:
    for command in TRAINER_MODELS:
        if command[0] != "train":
            ended = commands("emotion-trainer", *filled(command, broken))
            assert ended.code == 2
            assert ended.errors.startswith(f"emotion-trainer: error: {broken}: ")


@pytest.mark.parametrize("name", ["no such/model", "x/y/z", "☃/☃", "https://a/b", "org/none", "x" * 400, "/dev/null"])
def test_a_model_that_is_nowhere(name: str, commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(LABELLED)
    for command in WORKER_MODELS:
        assert name in commands.refused("emotion-worker", *command, model=name, codes=codes_of(command))
    for arguments in TRAINER_MODELS:
        told = commands.refused("emotion-trainer", *filled(arguments, name))
        assert name in told or str(Path(name)) in told


# Wrong settings and options

SENSELESS = ("nonsense ☃", "-1", "0", "1e999", "9" * 20, "[]", '{"a": 1}', ",", " ", "/", "a\udcffb")


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_senseless_setting(field: str, commands: Commands) -> None:
    for value in SENSELESS:
        setting: dict[str, Any] = {field: value}
        told = commands.refused("emotion-worker", "dead-letters", "show", **setting)
        assert "EMOTION_" in told


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["nope"], ["--nope"], ["check", "x"], ["run", "--log-level", "x"], ["run", "--to", "a"], ["schema", "x"]),
        *(["run", "--processes", value] for value in ("x", "-1", "0")),
        *(["run", "--from", value, "--until", "now", "--to", "a"] for value in ("x", "99999999-01-01")),
        *(["bench", option, value] for option in ("--texts", "--records", "--rounds") for value in ("x", "0", "1.5")),
        *(["bench", option, v] for option in ("--target-rate", "--price-per-hour") for v in ("x", "nan", "-1", "inf")),
        *(["dead-letters"], ["dead-letters", "show", "--limit", "0"], ["dead-letters", "show", "--partition", "x"]),
        *(
            ["dead-letters", "show", "--since", "x"],
            ["dead-letters", "replay", "--reason", "x"],
            ["label", "--format", "x"],
        ),
    ],
    ids=" ".join,
)
def test_a_senseless_option_of_the_worker(arguments: list[str], commands: Commands) -> None:
    told = commands.refused("emotion-worker", *arguments)
    assert "EMOTION_BOOTSTRAP_SERVERS" not in told
    assert "_positive" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["nope"], *([name] for name in TRAINER), *([name, "--nope"] for name in TRAINER)),
        *(
            ["soft-label", "model", "--data", "good.txt", "--output", "out", "--temperature", v]
            for v in ("x", "0", "nan")
        ),
        *(["cue-label", "--data", "good.txt", "--output", "out", "--share", value] for value in ("nan", "x", "-1")),
        *(["compare", "model", "model", "--data", "good.txt", "--margin", v] for v in ("nan", "x", "-1", "inf")),
        *(
            ["cue-label", "--data", "good.txt", "--output", "out", "--labels", "a"],
            ["negate", "--data", "good.txt", "--output", "out", "--most", "0"],
            ["negate", "--data", "good.txt", "--output", "out", "--seed", "x"],
            ["export", "model", "--dtype", "int3"],
            ["compare", "model", "model"],
        ),
    ],
    ids=" ".join,
)
def test_a_senseless_option_of_the_trainer(arguments: list[str], commands: Commands, files: dict[str, Path]) -> None:
    assert "_positive" not in commands.refused("emotion-trainer", *arguments)


@pytest.mark.parametrize(
    "option",
    [
        *(
            "--num_train_epochs=nan",
            "--num_train_epochs=-1",
            "--learning_rate=-1",
            "--seed=-1",
            "--optim=nope",
            "--fsdp=x",
        ),
        *(
            '--accelerator_config={"x":1}',
            "--deepspeed=x",
            "--warmup_steps=-1",
            "--resume_from_checkpoint=nowhere",
            "--torch_compile_mode=x",
            "--neftune_noise_alpha=-1",
        ),
        *("--per_device_train_batch_size=0", "--labels=a", "--lr_scheduler_kwargs={", '--lr_scheduler_kwargs={"x":1}'),
    ],
)
def test_a_senseless_option_of_training(option: str, commands: Commands, files: dict[str, Path]) -> None:
    train = filled(TRAINER_OUTPUTS[-1], "out")
    commands.refused("emotion-trainer", *train, "--use_cpu", "--num_train_epochs", "0.1", option)


# Outputs that cannot be written


@pytest.mark.parametrize("command", TRAINER_OUTPUTS, ids=" ".join)
@pytest.mark.parametrize("place", ["good.txt", "good.txt/inside", "/proc/nowhere", "/dev/full", "bad/loop/inside"])
def test_an_output_that_cannot_be_written(
    place: str, command: tuple[str, ...], commands: Commands, files: dict[str, Path]
) -> None:
    assert place.partition("/inside")[0] in commands.refused("emotion-trainer", *filled(command, place), codes=MAY_PASS)


def test_a_cache_or_pictures_that_cannot_be_written(commands: Commands, model: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert commands("emotion-worker", "check", "--device", model=model, XDG_CACHE_HOME=file).code in (0, 1)
    commands.refused("emotion-worker", "bench", "--plots", file, bootstrap_servers=CLOSED, model=model, codes=MAY_PASS)


# Nobody reads, nobody waits: only a process of its own shows it


def environment(**settings: object) -> dict[str, str]:
    """Also without the variable that makes Python write at once: what is buffered fails last."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith("EMOTION_") and name != "PYTHONUNBUFFERED"}
    return kept | {variable(name): str(value) for name, value in settings.items()}


OUTPUTS = [
    *(["worker", "--help"], ["worker", "schema"], ["worker", "check", "--json"]),
    *(["trainer", "--help"], ["trainer", "data-report", "--data", "good.txt"]),
]


@pytest.mark.parametrize("command", OUTPUTS, ids=" ".join)
def test_output_that_cannot_be_written(command: list[str], model: Path, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(LABELLED)
    reader, nobody_reads = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    for output, told in ((nobody_reads, ""), (full, "No space left on device")):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            env=environment(model=model, dtype="float32") | {"PYTHONPATH": os.getcwd()},
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(output)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1 if told else 0), done.stderr
        assert told in done.stderr


def test_control_c_ends_it_in_silence(model: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "worker", "label"],
        env=environment(model=model, dtype="float32"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b'{"text": "a line"}\n')
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read().decode()
        assert process.wait(30) == 130
    assert "Traceback" not in errors
