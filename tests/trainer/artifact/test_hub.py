"""Pushing artifacts to a stand-in of the hub."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import HfApi

from schemas.manifest import ModelManifest
from tests.trainer.conftest import Train
from trainer.__main__ import run


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Stands in for the hub's interface; holds the calls."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def create_repo(self: HfApi, repo_id: str, **kwargs: Any) -> Any:
        calls.append(("create_repo", {"repo_id": repo_id}))
        return SimpleNamespace(repo_id=f"me/{repo_id}")

    def create_branch(self: HfApi, repo_id: str, **kwargs: Any) -> None:
        calls.append(("create_branch", {"repo_id": repo_id, "branch": kwargs["branch"]}))

    def upload_folder(self: HfApi, **kwargs: Any) -> Any:
        files = {path.name for path in Path(kwargs["folder_path"]).iterdir()}
        calls.append(("upload_folder", kwargs | {"files": files}))
        return SimpleNamespace(commit_url="https://hub.example/commit")

    for stub in (create_repo, create_branch, upload_folder):
        monkeypatch.setattr(HfApi, stub.__name__, stub)
    return calls


def test_the_artifact_is_what_is_pushed_to_the_hub_on_its_branch(
    train: Train, base_options: list[str], hub: list[tuple[str, dict[str, Any]]]
) -> None:
    artifact = train(
        *(*base_options, "--max_steps", "2", "--save_strategy", "steps", "--save_steps", "1"),
        *("--push_to_hub", "--hub_model_id", "feelings", "--hub_revision", "v2"),
    )

    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    assert [name for name, _ in hub] == ["create_repo", "create_branch", "upload_folder"]
    assert hub[1][1] == {"repo_id": "me/feelings", "branch": "v2"}
    upload = hub[2][1]
    assert (upload["repo_id"], upload["revision"]) == ("me/feelings", "v2")
    assert upload["commit_message"] == manifest.revision
    assert upload["files"] == {path.name for path in artifact.iterdir()} >= {"manifest.json", "model.safetensors"}


def test_a_push_that_fails_leaves_the_artifact_and_says_how_to_push_it(
    base_options: list[str],
    hub: list[tuple[str, dict[str, Any]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def upload_folder(self: HfApi, **kwargs: Any) -> Any:
        raise OSError("no route to host\nand more")

    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)
    options = [*base_options, "--use_cpu", "--report_to", "none", "--max_steps", "1", "--push_to_hub"]

    assert run(["train", "--output", str(tmp_path / "a"), *options]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert "written, but not pushed to me/a-checkpoints: no route to host; push it with: hf upload" in error
    assert ModelManifest.read(tmp_path / "a") is not None
