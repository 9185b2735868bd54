"""What is done to texts: tokenizer, augmentation, misspellings. May import errors, output."""
