"""The contracts of the emotion labeller: what comes in, what goes out, what the trainer hands to the worker."""
