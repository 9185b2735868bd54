"""A tiny BERT classifier: the real classes with random weights, so that a test labels thousands of texts a second."""

from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

LABELS = ["sadness", "joy", "love", "anger", "fear", "surprise"]
POSITIONS = 64


def write_tiny_model(folder: Path, **config: object) -> Path:
    """Write a two-layer classifier with a letter-by-letter vocabulary; gives the folder back."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789!?.,'"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    BertTokenizer(vocab=vocabulary, do_lower_case=True, model_max_length=POSITIONS).save_pretrained(folder)
    torch.manual_seed(7)
    usual = {
        "id2label": dict(enumerate(LABELS)),
        "initializer_range": 0.4,  # large, so that different texts get different labels
    }
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(pieces),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=POSITIONS,
            **(usual | config),  # type: ignore[arg-type]
        )
    )
    model.save_pretrained(folder)
    return folder
