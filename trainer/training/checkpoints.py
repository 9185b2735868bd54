"""Checkpoints: finding the one to go on from, and refusing one that another training wrote."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, PreTrainedModel, Trainer, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from trainer.errors import UserError, first_line
from trainer.output import writing

LAST = "last"
"""What `--resume_from_checkpoint` takes instead of a folder."""

# Written last, see `WholeCheckpoints`: a checkpoint that has it is whole.
_STATE = "trainer_state.json"
# Beside the checkpoints: what the training is that writes them.
_RECIPE = "recipe.json"
# What must agree for the weights to fit and to mean the same, by the names that all configurations know.
_SHAPE = (
    "model_type",
    "num_hidden_layers",
    "hidden_size",
    "num_attention_heads",
    "vocab_size",
    "id2label",
    "problem_type",
)


class WholeCheckpoints(Trainer):
    """A Trainer that says that a checkpoint is whole once every process has written its part.

    transformers' own writes its state last in the first process, and waits for none of the others there: where they are
    killed then, one goes on without its random state, to other weights.
    """

    def _save_rng_state(self, output_dir: str) -> None:
        """Writes the last part that every process has."""
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()


def checkpoint_to_resume(arguments: TrainingArguments, model: PreTrainedModel) -> str | None:
    """Returns the folder of the checkpoint that a training goes on from, or None if it starts anew.

    Args:
        arguments: Of the training. `last` for a folder means the newest whole checkpoint of the output folder: one
            that a kill cut short is passed over.
        model: That is going to be trained.

    Raises:
        UserError: if there is no such checkpoint, if it is not whole, or if it is of another architecture or label set.
    """
    wanted = arguments.resume_from_checkpoint
    if wanted is None:
        return None
    folder = _last(_folder(arguments)) if wanted == LAST else Path(wanted)
    place = f"--resume_from_checkpoint {folder}"
    if not folder.is_dir():
        raise UserError(f"{place}: no such folder; give a checkpoint, or `{LAST}` for the newest")
    if not _is_whole(folder):
        raise UserError(f"{place}: not written to its end; give an earlier checkpoint, or `{LAST}`")
    if not (folder / "optimizer.pt").is_file():
        raise UserError(f"{place}: no optimizer.pt, so it cannot be resumed; train without --save_only_model")
    try:
        with safe_open(folder / "model.safetensors", framework="pt"):
            pass
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{place}: cannot be loaded: {first_line(error)}; give an earlier checkpoint") from error
    for name in _SHAPE:
        theirs, ours = (getattr(each, name, None) for each in (config, model.config))
        if theirs != ours:
            raise UserError(
                f"{place}: its {name} is {theirs}, but this training's is {ours}; give its --model, options and data"
            )
    return str(folder)


def claim(arguments: TrainingArguments, recipe: Mapping[str, Any], checkpoint: str | None, *, overwrite: bool) -> None:
    """Makes the folder of the checkpoints that of this training alone.

    Args:
        arguments: Of the training.
        recipe: What decides what becomes of it, as JSON has it.
        checkpoint: Folder of the checkpoint that it goes on from; None if it starts anew.
        overwrite: Whether checkpoints of an earlier training may be removed.

    Raises:
        UserError: if the checkpoint is of another recipe, or if checkpoints of an earlier training are in the way.
    """
    folder = _folder(arguments)
    if checkpoint is not None:
        _check_recipe(Path(checkpoint), recipe)
    elif earlier := _checkpoints(folder):
        if not overwrite:
            raise UserError(
                f"--output_dir {folder}: holds checkpoints of an earlier training; go on with it by "
                f"--resume_from_checkpoint {LAST}, or replace it with --overwrite"
            )
        if arguments.process_index == 0:
            for path in earlier:
                shutil.rmtree(path)
    if arguments.process_index == 0:
        with writing(f"--output_dir {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _RECIPE).write_text(json.dumps(recipe, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _check_recipe(checkpoint: Path, recipe: Mapping[str, Any]) -> None:
    try:
        theirs = json.loads((checkpoint.parent / _RECIPE).read_bytes())
    except FileNotFoundError:  # copied from elsewhere: architecture and labels were compared
        return
    for name in [*recipe, *theirs]:
        if recipe.get(name) != theirs.get(name):
            raise UserError(
                f"--resume_from_checkpoint {checkpoint}: its training had {name} {theirs.get(name)}, this one has "
                f"{recipe.get(name)}; give the same options and data, or start anew with --overwrite"
            )


def _folder(arguments: TrainingArguments) -> Path:
    return Path(arguments.output_dir or "")


def _checkpoints(folder: Path) -> list[Path]:
    prefix = f"{PREFIX_CHECKPOINT_DIR}-"
    return [path for path in folder.glob(f"{prefix}*") if path.name.removeprefix(prefix).isdecimal()]


def _last(folder: Path) -> Path:
    whole = [path for path in _checkpoints(folder) if _is_whole(path)]
    if not whole:
        raise UserError(f"--resume_from_checkpoint {LAST}: no whole checkpoint in {folder}; start without it")
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]))


def _is_whole(folder: Path) -> bool:
    try:
        json.loads((folder / _STATE).read_bytes())
    except (OSError, ValueError):
        return False
    return True
