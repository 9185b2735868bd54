"""The command `emotion-trainer cue-label`."""

from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import new_parser, write_line
from trainer.errors import UserError

HELP = "write the texts that name their own feeling, in a word, a hashtag or an emoji, to train on"


def run(argv: Sequence[str]) -> None:
    """Writes the file, and prints how many texts it holds."""
    parser = new_parser("cue-label", HELP)
    parser.add_argument("--data", required=True, type=Path, help="file of plain texts, one a line")
    parser.add_argument("--cues", type=Path, help="JSON object of label to words and emoji (default: our own)")
    parser.add_argument("--labels", nargs="+", help="all labels of the model (default: the emotions)")
    parser.add_argument("--share", type=float, default=0.7, help="what the label gets of the score (%(default)s)")
    parser.add_argument("--most", type=int, help="texts of each label at most (default: all)")
    parser.add_argument("--seed", type=int, default=42, help="of the choice of texts (%(default)s)")
    parser.add_argument("--output", required=True, type=Path, help="JSON Lines file to write")
    args = parser.parse_args(argv)

    from trainer.data.labels import EMOTION_LABELS
    from trainer.data.splits import load_texts
    from trainer.labelling.cue_labels import DEFAULT_CUES, check_choices, cue_labelled, read_cues
    from trainer.labelling.soft_labels import check_free, write_soft_labels

    labels = args.labels or EMOTION_LABELS
    check_choices(labels, args.share, args.most)
    check_free(args.output)
    rows = load_texts(str(args.data), "", "text", is_plain=True)
    cues = read_cues(args.cues or DEFAULT_CUES)
    if unknown := sorted(set(cues.values()) - set(labels)):
        raise UserError(f"--labels: the cues tell {', '.join(unknown)} too; name all labels, or leave out those cues")
    labelled = list(cue_labelled(rows, cues, labels, share=args.share, most=args.most, seed=args.seed))
    if not labelled:
        raise UserError(
            f"{args.data}: no text holds a cue of just one label; give other texts, or cues of your own with --cues"
        )
    write_line(f"{args.output}: {write_soft_labels(args.output, labelled)} texts")
