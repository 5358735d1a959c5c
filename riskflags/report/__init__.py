"""What people and other systems get from a run: the files and the words on a terminal."""


class OutputError(Exception):
    """The files of a run cannot be written: the message says why, and what to do. Nothing was written."""
