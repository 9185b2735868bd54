"""What an artifact brings for people: model card, plots, data report. May import data, artifact, evaluation.

Besides it imports the manifest of schemas.
"""
