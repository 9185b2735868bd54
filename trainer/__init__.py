"""The trainer: from labelled texts to an artifact that the worker, or any Hugging Face loader, can serve."""
