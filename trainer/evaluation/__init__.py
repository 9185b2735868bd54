"""What a model is worth: metrics, calibration, suites, drift. May import data, preprocessing, artifact."""
