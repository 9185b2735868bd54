"""Texts to scores. The only room that imports torch, tokenizers and transformers; of ours it knows the values."""
