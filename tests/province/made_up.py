"""A job with a capture that kills whoever develops it; workers find it by this name, whatever the test is called."""

import os
import signal
from dataclasses import dataclass

from province.job import Job
from province.orders import DevelopCapture


@dataclass(frozen=True)
class Poisoned(Job):
    """As Job, but the process that develops the capture `poison` dies of it."""

    poison: str = ""

    def __call__(self, order):
        if isinstance(order, DevelopCapture) and order.capture == self.poison:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        return super().__call__(order)
