"""The command `emotion-trainer reviews`."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from trainer.commands.common import new_parser, write_line

HELP = "tell how right the labels are on the stream, by people's answers to reviewed texts"


def run(argv: Sequence[str]) -> None:
    """Prints the page, or writes it with its pictures."""
    args = _parser().parse_args(argv)
    from trainer.data.reviews import load_reviews
    from trainer.evaluation.stream_figures import stream_figures
    from trainer.evaluation.stream_sample import stream_sample
    from trainer.output import check_writable, new_file, writing
    from trainer.report.review_page import review_page

    if args.output is not None:
        check_writable(args.output, args.output)
    reviews = load_reviews(args.answers)
    sample = stream_sample(reviews, args.labels)
    figures = stream_figures(sample, reviews.source)
    as_json = json.dumps(figures.as_dict(), indent=2, ensure_ascii=False)
    if args.output is None:
        write_line(as_json if args.json else review_page(figures))
        return
    from trainer.report.review_plots import write_review_plots

    with writing(f"--output {args.output}"):
        pictures = write_review_plots(args.output, sample, figures)
    for name, content in (("reviews.md", review_page(figures, pictures)), ("reviews.json", as_json)):
        with new_file(f"--output {args.output}", args.output / name) as file:
            file.write(content + "\n")


def _parser() -> ArgumentParser:
    parser = new_parser("reviews", HELP)
    parser.add_argument(
        "answers", nargs="+", help="Label Studio's export (JSON or CSV), or the filled-in CSV or JSON Lines"
    )
    parser.add_argument("--labels", nargs="+", help="all labels of the model (default: those that the file names)")
    parser.add_argument("--output", type=Path, help="folder for reviews.md, reviews.json and pictures; else prints")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    return parser
