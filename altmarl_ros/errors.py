"""Errors that a user can cause and mend; all derive from `AltmarlError`."""


class AltmarlError(Exception):
    """Base class of these errors: the message names the culprit in one line; commands print it and exit with code 2."""


class GameError(AltmarlError):
    """A game or the file that describes it breaks a rule."""


class BundleError(AltmarlError):
    """A policy bundle is missing or damaged, is no bundle, or was made for another game."""


class ResourceError(AltmarlError):
    """A computation would need more memory than allowed, or a file of the installed package is missing."""
