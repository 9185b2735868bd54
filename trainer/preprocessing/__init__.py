"""What is done to texts: tokenizer, augmentation, misspellings. Imports errors alone."""
