"""Labelled texts: files and hub data sets, splits, labels and their ids. May import errors, output."""
