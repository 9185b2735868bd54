"""What a model is worth: metrics, calibration, robustness, drift. May import data, artifact.

Besides it imports errors, and the manifest of schemas.
"""
