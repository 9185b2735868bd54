"""Labelled texts: reading files and hub data sets, splits, label ids. Imports errors alone."""
