"""The work on one book of a station, as those who type, accept, sample and close it see it: where it stands, its pages."""

from __future__ import annotations

from dataclasses import dataclass

from book import Identity
from bookpack.contents import BookContents
from developing import Progress
from errors import NothingToDo
from originals.booklog import BookLog, BookState
from packing import contents_of
from pipeline import DevelopedBook, develop_book
from settings import Settings
from wholebook import looked_at
from workplace import Workplace


@dataclass(frozen=True)
class Work:
    """The work on one book of a station: pages that are not developed yet are developed in so many jobs.

    Without `develop` they are left out: others develop, and a person sees what there is.
    """

    workplace: Workplace
    identity: Identity
    settings: Settings
    jobs: int = 0
    progress: Progress = lambda *_: None
    develop: bool = True

    @property
    def log(self) -> BookLog:
        return self.workplace.log(str(self.identity))

    def state(self) -> BookState:
        """Where the book stands. Raises NothingToDo for one that is not there, or without pages."""
        if not self.log.path.exists():
            raise NothingToDo("book_unknown", book=str(self.identity), out=str(self.workplace.root))
        state = self.log.state()
        if not state.current:
            raise NothingToDo("book_empty", book=str(self.identity))
        return state

    def developed(self, state: BookState) -> DevelopedBook:
        """All pages of the book as it stands. Raises NothingToDo where there are none."""
        if self.develop:
            book = develop_book(self.workplace, self.identity, self.settings, state, self.jobs, self.progress)
        else:
            looked = looked_at(self.workplace, self.identity, self.settings, state)
            sources = {task.capture.id: task.capture.source for task in looked.tasks}
            book = DevelopedBook(looked.pages, (), 0, sources)
        if not book.pages:
            raise NothingToDo("book_empty", book=str(self.identity))
        return book

    def contents(self, state: BookState, book: DevelopedBook) -> BookContents:
        """What its packages hold."""
        return contents_of(self.workplace, self.identity, self.settings, state, book.pages)
