"""The page to look at: one file, its headers, and what browsers are sent. Imports no other room."""
