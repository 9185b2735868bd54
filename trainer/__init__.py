"""The trainer: from labelled texts to an artifact that the worker, or any Hugging Face loader, can serve.

Its rooms. Each may import those above it, but not those in its own line:

    errors
    output
    data, preprocessing
    artifact
    labelling, evaluation
    training, report
    pipeline
    commands, bundled

Any may import `schemas`, none `worker`.
"""
