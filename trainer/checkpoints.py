"""Checkpoints: finding the one to go on from, and refusing one that another training wrote."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, PreTrainedModel, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from trainer.errors import UserError, first_line

LAST = "last"
"""What `--resume_from_checkpoint` takes instead of a folder."""

# transformers writes it last, so a checkpoint that has it is whole.
_STATE = "trainer_state.json"
# What must agree for the weights to fit and to mean the same, by the names that all configurations know.
_SHAPE = ("model_type", "num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size", "id2label")


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
    folder = _last(Path(arguments.output_dir or "")) if wanted == LAST else Path(wanted)
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
                f"{place}: its {name} is {theirs}, but this training's is {ours}; give its --model and data"
            )
    return str(folder)


def _last(output_dir: Path) -> Path:
    prefix = f"{PREFIX_CHECKPOINT_DIR}-"
    folders = [path for path in output_dir.glob(f"{prefix}*") if path.name.removeprefix(prefix).isdecimal()]
    whole = [path for path in folders if _is_whole(path)]
    if not whole:
        raise UserError(f"--resume_from_checkpoint {LAST}: no whole checkpoint in {output_dir}; start without it")
    return max(whole, key=lambda path: int(path.name.removeprefix(prefix)))


def _is_whole(folder: Path) -> bool:
    try:
        json.loads((folder / _STATE).read_bytes())
    except (OSError, ValueError):
        return False
    return True
