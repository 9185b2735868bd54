"""The texts that are streamed."""

from pathlib import Path

from worker.model.sample_texts import sample_texts

TWEETS = Path(__file__).parents[4] / "shared" / "data" / "tweets" / "tweets.txt"


def distinct_texts(count: int) -> tuple[list[str], str]:
    """So many different texts and where they are from: real tweets where `../shared` has them, else made up ones."""
    if not TWEETS.is_file():
        return sample_texts(count), "made up by worker.model.sample_texts: no ../shared/data/tweets here"
    lines = TWEETS.read_text(encoding="utf-8").splitlines()
    texts = list(dict.fromkeys(line for line in lines if line.strip()))[:count]
    if len(texts) < count:
        texts += sample_texts(count - len(texts))
    return texts, "tweets"


def uniform_texts(count: int) -> list[str]:
    """So many different texts of much the same length."""
    return [
        f"i feel quite all right today, said number {index:06d}, and so does everybody here" for index in range(count)
    ]
