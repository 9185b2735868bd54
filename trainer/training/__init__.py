"""The transformers Trainer and all around it. May import data, preprocessing, artifact, evaluation.

Besides it imports errors and output.
"""
