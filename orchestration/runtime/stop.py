"""The wish that this process stops: steps look at it at every boundary and while they wait."""

import threading
from typing import Final

requested: Final = threading.Event()
"""Set once, when the process is asked to stop; drives then hand their runs back."""
