"""Labels of negated feelings, made by rule."""

import re
from pathlib import Path

import pytest

from trainer.__main__ import run
from trainer.data.labels import EMOTION_LABELS
from trainer.data.rows import Columns
from trainer.data.splits import SCORES, load_split
from trainer.evaluation.feelings import read_sentences
from trainer.labelling.cue_labels import CuedText
from trainer.labelling.feelings import FILLERS, FRAMES, WORDS, made_sentences, negated_shares, negations, of_sentences

KEPT = [sentence.text for sentence in read_sentences() if sentence.half == "kept"]


def plain(text: str) -> str:
    """The words of a text, whatever became of the apostrophes: `don't`, `dont` and `don t` are one."""
    words = " ".join(re.findall(r"\w+", re.sub("['’]", "", text.lower())))
    return re.sub(r" (?=(?:m|s|t|ve)\b)", "", words)


def label_of(scores: dict[str, float]) -> str:
    return max(scores, key=scores.__getitem__)


def negated(*texts: str, label: str = "joy", seed: int = 1) -> list[str]:
    return [text for text, _ in negations([(text, label) for text in texts], most=100, seed=seed)]


def frame_of(text: str, kind: str) -> bool:
    """Whether a text is one that a frame of the kind can make, whatever words are put in, up to its spelling."""
    gaps = {gap: [word for words in of_label.values() for word in words] for gap, of_label in WORDS.items()}
    gaps |= {name: list(texts) for name, texts in FILLERS.items()}
    patterns = {gap: f"(?:{'|'.join(map(plain, words))})" for gap, words in gaps.items()}
    return any(
        re.fullmatch(
            re.sub(r"\{(\w+)\}", lambda gap: patterns[gap[1]], re.sub(r"[^\w{} ]", "", frame.lower())), plain(text)
        )
        for frame in FRAMES[kind]
    )


@pytest.mark.parametrize("kind", FRAMES)
def test_no_sentence_that_is_kept_from_training_can_be_made(kind: str) -> None:
    assert [text for text in KEPT if frame_of(text, kind)] == []


def test_every_made_sentence_is_known_to_come_from_a_frame() -> None:
    for text, _ in made_sentences(most=200, seed=3):
        assert any(frame_of(text, kind) for kind in FRAMES), text


def test_each_frame_has_one_gap_for_a_word_and_no_others_than_those_without_a_say() -> None:
    for frame in (frame for frames in FRAMES.values() for frame in frames):
        gaps = re.findall(r"\{(\w+)\}", frame)
        assert sum(gap in WORDS for gap in gaps) == 1, frame
        assert set(gaps) <= {*WORDS, *FILLERS}, frame


def test_a_word_has_one_label() -> None:
    for words in WORDS.values():
        every = [word for of_label in words.values() for word in set(of_label)]
        assert len(set(every)) == len(every)
        assert set(words) <= set(EMOTION_LABELS)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("i feel so loved", r"i.*(?:not|nt|n't|n t|never|no longer|hardly).* so loved"),
        (
            "i felt scared",
            r"i (?:did not|didnt|didn t|didn't) feel scared|i (?:never|no longer) felt scared|i was.* scared",
        ),
        ("im feeling angry", r"im (?:not|no longer|never) feeling angry"),
        ("i m feeling angry", r"i m (?:not|no longer) feeling angry"),
        ("I am feeling calm", r"I am (?:not|no longer|never|hardly) feeling calm"),
        ("i was feeling calm", r"i (?:was not|wasnt|wasn t|wasn't|was no longer) feeling calm"),
    ],
)
def test_the_first_statement_is_negated_as_people_do(text: str, pattern: str) -> None:
    ways = {made for seed in range(40) for made in negated(text, seed=seed)}
    assert len(ways) >= 2
    for made in ways:
        assert re.fullmatch(pattern, made), made


def test_what_follows_the_clause_is_left_out_of_half_of_the_texts() -> None:
    texts = [f"i feel happy{number} and full of cake" for number in range(40)]
    whole = [text for text in negated(*texts) if text.endswith(" and full of cake")]
    assert 5 < len(whole) < 35
    assert all(re.search(r"happy\d+$", text) for text in negated(*texts) if text not in whole)


@pytest.mark.parametrize(
    "text",
    [
        "i feel like dancing",
        "i feel that it is fun",
        "i feel a little sad",
        "i feel but i try",
        "today i feel happy",
        "i feel happy when you feel well",
        "i feel happy but i am not",
        "i feel happy and cant complain",
        "i feel",
        "the weather is good",
    ],
)
def test_a_text_that_no_rule_fits_is_left_out(text: str) -> None:
    assert negated(text) == []


def test_texts_are_chosen_by_the_seed_and_so_many_at_most() -> None:
    rows = [(f"i feel happy{number}", "joy") for number in range(30)]
    assert len(negations(rows, most=10, seed=1)) == 10
    assert negations(rows, most=10, seed=1) == negations(rows, most=10, seed=1)
    assert negations(rows, most=10, seed=1) != negations(rows, most=10, seed=2)
    assert made_sentences(most=50, seed=1) == made_sentences(most=50, seed=1)
    assert made_sentences(most=50, seed=1) != made_sentences(most=50, seed=2)
    assert 40 <= len(made_sentences(most=50, seed=1)) <= 50


@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_a_negated_feeling_is_not_that_one_and_nothing_is_sure(label: str) -> None:
    scores = negations([("i feel so", label)], most=1, seed=1)[0].scores
    assert scores == negated_shares(label)
    assert sum(scores.values()) == pytest.approx(1)
    assert scores[label] <= 0.02
    assert max(scores.values()) <= 0.6
    if label in ("joy", "love"):
        assert label_of(scores) == "sadness"
        assert max(scores["joy"], scores["love"]) <= 0.02
    elif label in ("sadness", "fear"):
        assert label_of(scores) == "joy"


def test_a_negation_that_keeps_the_feeling_keeps_its_label() -> None:
    made = {plain(text): scores for text, scores in made_sentences(most=20_000, seed=1)}
    happier = [
        scores for text, scores in made.items() if re.fullmatch(r"i couldnt be happier|we could not be happier", text)
    ]
    assert happier
    assert all(scores["joy"] == pytest.approx(0.9) for scores in happier)
    not_happy = [scores for text, scores in made.items() if re.match(r"im not happy with", text)]
    assert not_happy
    assert all(scores == negated_shares("joy") for scores in not_happy)
    assert {label_of(scores) for scores in made.values()} == set(EMOTION_LABELS)


def test_the_end_tells_the_feeling_of_an_ironic_sentence_and_of_one_with_a_turn() -> None:
    made = {plain(text): scores for text, scores in made_sentences(most=20_000, seed=1)}
    mishaps = [
        scores
        for text, scores in made.items()
        if re.search(r"oh great.*they lost|they lost our suitcase.*oh great", text)
    ]
    assert mishaps
    assert {label_of(scores) for scores in mishaps} == {"anger"}
    assert all(scores["joy"] < 0.02 < 0.2 < scores["sadness"] for scores in mishaps)
    upturns = [scores for text, scores in made.items() if re.match(r"i was so nervous.*it (?:works|turned)", text)]
    assert upturns
    assert all(scores["joy"] == pytest.approx(0.9) for scores in upturns)


def test_our_own_sentences_share_what_is_right_or_everything() -> None:
    some = list(of_sentences([("oh no", ["sadness", "anger"]), ("at nine?", [])]))
    assert some == [
        CuedText("oh no", {"sadness": 0.5, "joy": 0, "love": 0, "anger": 0.5, "fear": 0, "surprise": 0}),
        CuedText("at nine?", dict.fromkeys(EMOTION_LABELS, 1 / 6)),
    ]


def test_the_command_writes_what_a_training_can_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts, output = tmp_path / "train.csv", tmp_path / "negated.jsonl"
    texts.write_text("tweet,mood\ni feel so happy,joy\ni feel scared,4\na chair,anger\n", encoding="utf-8")
    command = [
        "negate",
        "--data",
        str(texts),
        "--output",
        str(output),
        "--text-column",
        "tweet",
        "--label-column",
        "mood",
    ]
    assert run([*command, "--most", "40"]) == 0

    told = capsys.readouterr().out
    rows = load_split(str(output), "train", Columns("text", "label", SCORES)).rows
    seen = [sentence.text for sentence in read_sentences() if sentence.half == "seen"]
    assert [row.text for row in rows[: len(seen)]] == seen
    of_joy, of_fear = sorted(rows[len(seen) : len(seen) + 2], key=lambda row: "scared" in row.text)
    assert of_joy.text.endswith(" so happy")
    assert of_joy.label == "sadness"
    assert of_fear.scores is not None
    assert of_fear.scores["fear"] < 0.02
    assert (
        f"{len(seen)} sentences of our own, 2 negated texts of train.csv, {len(rows) - len(seen) - 2} sentences" in told
    )
    assert not {plain(row.text) for row in rows if plain(row.text)} & set(map(plain, KEPT))
    assert run([*command, "--most", "40"]) == 2, "it is not written over"


@pytest.mark.parametrize(
    ("options", "content", "message"),
    [
        (["--most", "0"], "i feel happy;joy\n", "--most 0: give 1 or more"),
        ([], "i feel happy;bliss\n", "unknown label 'bliss'; use one of sadness, joy, love, anger, fear, surprise"),
    ],
)
def test_what_cannot_be_used_is_named(
    options: list[str], content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, output = tmp_path / "texts.txt", tmp_path / "negated.jsonl"
    texts.write_text(content, encoding="utf-8")
    assert run(["negate", "--data", str(texts), "--output", str(output), *options]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()
