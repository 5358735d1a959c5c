"""For those who write rules: a new rule to begin with, an example from a real row, files in one layout."""
