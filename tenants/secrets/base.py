"""What every provider of secrets offers, and how reading one fails."""

from typing import Protocol


class SecretFault(Exception):
    """A secret cannot be read. The message names it and never holds a value."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SecretMissing(SecretFault):
    """The provider answers, and has no such secret."""


class SecretUnavailable(SecretFault):
    """The provider cannot be asked now, or not from here."""


class Provider(Protocol):
    """Where the secrets of a tenant are kept."""

    def read(self, name: str) -> str:
        """The text of a secret. Raises `SecretMissing`, `SecretUnavailable`."""
