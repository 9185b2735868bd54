"""The command `emotion-trainer negate`."""

from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import add_data_options, new_parser, write_line
from trainer.errors import UserError

HELP = "write texts with a feeling negated, of labelled ones and of lists of words, to train on"


def run(argv: Sequence[str]) -> None:
    """Writes the file, and prints how many texts of each source it holds."""
    parser = new_parser("negate", HELP)
    add_data_options(parser)
    parser.add_argument("--split", default="train", help="split of the folder or hub data set (%(default)s)")
    parser.add_argument(
        "--most", type=int, default=3000, help="texts of the data, and of our lists, each (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=42, help="of the choice of texts (%(default)s)")
    parser.add_argument("--output", required=True, type=Path, help="JSON Lines file to write")
    args = parser.parse_args(argv)
    if args.most < 1:
        raise UserError(f"--most {args.most}: give 1 or more")

    from trainer.data.labels import EMOTION_LABELS, label_ids
    from trainer.data.rows import Columns
    from trainer.data.splits import load_split
    from trainer.evaluation.feelings import read_sentences
    from trainer.labelling.feelings import made_sentences, negations, of_sentences
    from trainer.labelling.soft_labels import check_free, write_soft_labels

    check_free(args.output)
    split = load_split(args.data, args.split, Columns(args.text_column, args.label_column), args.config)
    labels = [EMOTION_LABELS[index] for index in label_ids(split, EMOTION_LABELS)]
    seen = [(sentence.text, sentence.right) for sentence in read_sentences() if sentence.half == "seen"]
    sources = {
        "sentences of our own": list(of_sentences(seen)),
        f"negated texts of {split.source}": negations(
            zip(split.texts, labels, strict=True), most=args.most, seed=args.seed
        ),
        "sentences made of lists": made_sentences(most=args.most, seed=args.seed),
    }
    write_soft_labels(args.output, (row for rows in sources.values() for row in rows))
    told = ", ".join(f"{len(rows)} {name}" for name, rows in sources.items())
    write_line(f"{args.output}: {told}")
