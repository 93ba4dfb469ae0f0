"""The failure of work on data: an error class of the runtime and one sentence."""


class OperationError(Exception):
    """Work on data failed. `error_class` is the run's error class, such as invalid_value or not_a_list."""

    def __init__(self, error_class: str, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message


def invalid(message: str) -> OperationError:
    """The failure for a value that cannot be used."""
    return OperationError("invalid_value", message)
