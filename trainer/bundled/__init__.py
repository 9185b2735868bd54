"""How the bundled model is made. `python -m trainer.bundled` runs commands of the trainer; may import all but those."""
