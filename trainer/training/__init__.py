"""The transformers Trainer: options, data set, loss, callbacks. May import the rooms up to evaluation."""
