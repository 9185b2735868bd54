"""The worker: texts in from Kafka, emotion labels out to Kafka."""
