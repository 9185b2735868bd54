"""A second model on some of the keys, in one worker; of ours it knows labelling and what lies below."""
