"""Pages as they really are developed, without a book around them."""

import hashlib
from pathlib import Path

from book import Capture
from developing import Task, develop, read_developed
from imaging.decode import media_of, read_header
from imaging.stages import Plan
from imaging.view import Hints


def captured(path):
    """A file as a capture, and its EXIF orientation."""
    data = Path(path).read_bytes()
    frame = read_header(data).frames[0]
    sha256 = hashlib.sha256(data).hexdigest()
    return Capture(sha256, media_of(data), frame.width, frame.height, dpi=frame.dpi), frame.orientation


def developed(path, folder, settings):
    """The pages of a file, by these settings; their files lie in the folder."""
    task = Task(captured(path)[0], Path(path), folder, settings, Plan(settings.stages), Hints())
    develop(task)
    return read_developed(task)
