"""Pushing an artifact to the Hugging Face hub."""

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # that of the HTTP library in use

from trainer.errors import UserError, first_line


def push(folder: Path, repository: str, branch: str | None, token: str | None, *, message: str) -> str:
    """Uploads an artifact, manifest included, as one commit and returns its address.

    Args:
        folder: The artifact.
        repository: Hub id of a model that exists.
        branch: Branch that the commit goes on, made if it is not there; None for the main one.
        token: With the right to write; None for the one that the user logged in with.
        message: Of the commit.

    Raises:
        UserError: if the hub refuses or cannot be reached; the artifact is as it was.
    """
    api = HfApi(token=token)
    try:
        if branch is not None:
            api.create_branch(repository, branch=branch, exist_ok=True)
        commit = api.upload_folder(repo_id=repository, folder_path=folder, revision=branch, commit_message=message)
    except (HTTPError, OSError, ValueError) as error:
        raise UserError(
            f"{folder}: written, but not pushed to {repository}: {first_line(error)}; "
            f"push it with: hf upload {repository} {folder}"
        ) from error
    return commit.commit_url
