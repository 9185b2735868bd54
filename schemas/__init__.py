"""The contracts of the emotion labeller: what comes in, what goes out, what the trainer hands to the worker.

`machine` is no contract: what worker and trainer both ask of the machine, as they never import each other.
"""
