"""What can go wrong with a run file: the disk's fault, or the file's."""

from config.mistake import UserMistake


class RunFileError(Exception):
    """A run file can no longer be written (disk full, folder gone, writer stopped); what was flushed is intact."""


class UnreadableRunFile(UserMistake):
    """A file given as a run file is missing, damaged, hostile or something else."""


class UnwritableRunFolder(UserMistake):
    """A run file cannot be created where it was asked for."""
