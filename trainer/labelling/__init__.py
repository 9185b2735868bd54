"""Labels for texts that have none: by cues, by negation, by distillation. May import data, preprocessing, artifact."""
