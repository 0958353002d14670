"""The states of a TWAIN session, 1 to 7: which operation is legal in which, and which state it leads to.

1 nothing is loaded, 2 the source manager is loaded, 3 it is open, 4 a source is open, 5 the source is enabled, 6 a page is
ready, 7 a page is on its way. An operation that is not legal is refused here, before the source manager hears of it: a
driver that is called out of order crashes more often than it complains.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from capture.twain.types import Dat, Group, Msg, Rc, Triplet

CONTROL, IMAGE = Group.CONTROL, Group.IMAGE

OPEN_MANAGER = Triplet(CONTROL, Dat.PARENT, Msg.OPENDSM)
CLOSE_MANAGER = Triplet(CONTROL, Dat.PARENT, Msg.CLOSEDSM)
ENTRY_POINTS = Triplet(CONTROL, Dat.ENTRYPOINT, Msg.GET)
FIRST_SOURCE = Triplet(CONTROL, Dat.IDENTITY, Msg.GETFIRST)
NEXT_SOURCE = Triplet(CONTROL, Dat.IDENTITY, Msg.GETNEXT)
OPEN_SOURCE = Triplet(CONTROL, Dat.IDENTITY, Msg.OPENDS)
CLOSE_SOURCE = Triplet(CONTROL, Dat.IDENTITY, Msg.CLOSEDS)
REGISTER_CALLBACK = Triplet(CONTROL, Dat.CALLBACK, Msg.REGISTER_CALLBACK)
GET_STATUS = Triplet(CONTROL, Dat.STATUS, Msg.GET)
GET_WORDS = Triplet(CONTROL, Dat.STATUSUTF8, Msg.GET)
GET_CAPABILITY = Triplet(CONTROL, Dat.CAPABILITY, Msg.GET)
GET_CURRENT = Triplet(CONTROL, Dat.CAPABILITY, Msg.GETCURRENT)
SET_CAPABILITY = Triplet(CONTROL, Dat.CAPABILITY, Msg.SET)
RESET_CAPABILITY = Triplet(CONTROL, Dat.CAPABILITY, Msg.RESET)
GET_LAYOUT = Triplet(IMAGE, Dat.IMAGELAYOUT, Msg.GET)
SET_LAYOUT = Triplet(IMAGE, Dat.IMAGELAYOUT, Msg.SET)
RESET_LAYOUT = Triplet(IMAGE, Dat.IMAGELAYOUT, Msg.RESET)
ENABLE = Triplet(CONTROL, Dat.USERINTERFACE, Msg.ENABLEDS)
DISABLE = Triplet(CONTROL, Dat.USERINTERFACE, Msg.DISABLEDS)
PROCESS_EVENT = Triplet(CONTROL, Dat.EVENT, Msg.PROCESSEVENT)
STRIP_SIZES = Triplet(CONTROL, Dat.SETUPMEMXFER, Msg.GET)
GET_INFO = Triplet(IMAGE, Dat.IMAGEINFO, Msg.GET)
NEXT_STRIP = Triplet(IMAGE, Dat.IMAGEMEMXFER, Msg.GET)
WHOLE_IMAGE = Triplet(IMAGE, Dat.IMAGENATIVEXFER, Msg.GET)
END_TRANSFER = Triplet(CONTROL, Dat.PENDINGXFERS, Msg.ENDXFER)
DROP_PAGES = Triplet(CONTROL, Dat.PENDINGXFERS, Msg.RESET)
STOP_FEEDER = Triplet(CONTROL, Dat.PENDINGXFERS, Msg.STOPFEEDER)
PAGE_READY = Triplet(CONTROL, Dat.NULL, Msg.XFERREADY)  # these four are said by the source
CLOSE_ASKED = Triplet(CONTROL, Dat.NULL, Msg.CLOSEDSREQ)
CLOSE_AGREED = Triplet(CONTROL, Dat.NULL, Msg.CLOSEDSOK)
DEVICE_EVENT = Triplet(CONTROL, Dat.NULL, Msg.DEVICEEVENT)

LEGAL = MappingProxyType({  # operation → the states in which it may be called
    OPEN_MANAGER: (2,),
    CLOSE_MANAGER: (3,),
    ENTRY_POINTS: (3, 4, 5, 6, 7),
    FIRST_SOURCE: (3, 4, 5, 6, 7),
    NEXT_SOURCE: (3, 4, 5, 6, 7),
    OPEN_SOURCE: (3,),
    CLOSE_SOURCE: (4,),
    REGISTER_CALLBACK: (4,),
    GET_STATUS: (2, 3, 4, 5, 6, 7),
    GET_WORDS: (3, 4, 5, 6, 7),
    GET_CAPABILITY: (4, 5, 6, 7),
    GET_CURRENT: (4, 5, 6, 7),
    SET_CAPABILITY: (4,),
    RESET_CAPABILITY: (4,),
    GET_LAYOUT: (4, 5, 6),
    SET_LAYOUT: (4,),
    RESET_LAYOUT: (4,),
    ENABLE: (4,),
    DISABLE: (5,),
    PROCESS_EVENT: (5, 6, 7),
    STRIP_SIZES: (4, 5, 6),
    GET_INFO: (6, 7),
    NEXT_STRIP: (6, 7),
    WHOLE_IMAGE: (6,),
    END_TRANSFER: (6, 7),
    DROP_PAGES: (6,),
    STOP_FEEDER: (6,),
    PAGE_READY: (5,),
    CLOSE_ASKED: (5, 6, 7),
    CLOSE_AGREED: (5,),
    DEVICE_EVENT: (4, 5, 6, 7),
})
MOVES = MappingProxyType({  # operation and return code → the state it leads to; what is not here leads nowhere
    (OPEN_MANAGER, Rc.SUCCESS): 3,
    (CLOSE_MANAGER, Rc.SUCCESS): 2,
    (OPEN_SOURCE, Rc.SUCCESS): 4,
    (CLOSE_SOURCE, Rc.SUCCESS): 3,
    (ENABLE, Rc.SUCCESS): 5,
    (ENABLE, Rc.CHECKSTATUS): 5,  # enabled, though with its own window where none was wanted
    (DISABLE, Rc.SUCCESS): 4,
    (NEXT_STRIP, Rc.SUCCESS): 7,
    (NEXT_STRIP, Rc.XFERDONE): 7,
    (NEXT_STRIP, Rc.CANCEL): 7,
    (WHOLE_IMAGE, Rc.XFERDONE): 7,
    (WHOLE_IMAGE, Rc.CANCEL): 7,
    (DROP_PAGES, Rc.SUCCESS): 5,
    (PAGE_READY, Rc.SUCCESS): 6,
})


class IllegalStep(Exception):
    """An operation that the specification does not allow in this state: a fault of this program, or of a driver."""

    def __init__(self, state: int, triplet: Triplet | str) -> None:
        super().__init__(f"{triplet} in state {state}")
        self.state, self.triplet = state, triplet


@dataclass(frozen=True)
class State:
    """A state of a session. It is never changed: a step gives another."""

    number: int = 1

    def allows(self, triplet: Triplet) -> bool:
        return self.number in LEGAL[triplet]

    def require(self, triplet: Triplet) -> None:
        """Raises IllegalStep where the operation is not allowed now."""
        if not self.allows(triplet):
            raise IllegalStep(self.number, triplet)

    def after(self, triplet: Triplet, code: int = Rc.SUCCESS, pending: int = 0) -> State:
        """The state after an operation that returned `code`; pending: pages that END_TRANSFER says are to come.

        What failed leaves the state as it is. Raises IllegalStep.
        """
        self.require(triplet)
        if triplet == END_TRANSFER and code == Rc.SUCCESS:
            return State(6 if pending else 5)
        return State(MOVES.get((triplet, code), self.number))

    def loaded(self) -> State:
        """The source manager has been loaded. Raises IllegalStep."""
        return self._moved(1, 2, "loading")

    def unloaded(self) -> State:
        """The source manager is let go. Raises IllegalStep."""
        return self._moved(2, 1, "unloading")

    def _moved(self, start: int, end: int, step: str) -> State:
        if self.number != start:
            raise IllegalStep(self.number, step)
        return State(end)
