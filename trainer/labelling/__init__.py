"""Labels for texts that have none: by cues, by distillation. May import data, preprocessing, artifact."""
