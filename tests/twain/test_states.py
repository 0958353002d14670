"""The state machine of TWAIN against the specification's own table, every operation in every state."""

import dataclasses
import itertools

import pytest

from capture.twain import states
from capture.twain.states import LEGAL, IllegalStep, State
from capture.twain.types import Dat, Group, Msg, Rc, Triplet

SPECIFICATION = """
CONTROL PARENT OPENDSM            .2.....
CONTROL PARENT CLOSEDSM           ..3....
CONTROL ENTRYPOINT GET            ..34567
CONTROL IDENTITY GETFIRST         ..34567
CONTROL IDENTITY GETNEXT          ..34567
CONTROL IDENTITY OPENDS           ..3....
CONTROL IDENTITY CLOSEDS          ...4...
CONTROL CALLBACK REGISTER_CALLBACK ...4...
CONTROL STATUS GET                .234567
CONTROL STATUSUTF8 GET            ..34567
CONTROL CAPABILITY GET            ...4567
CONTROL CAPABILITY GETCURRENT     ...4567
CONTROL CAPABILITY SET            ...4...
CONTROL CAPABILITY RESET          ...4...
IMAGE IMAGELAYOUT GET             ...456.
IMAGE IMAGELAYOUT SET             ...4...
IMAGE IMAGELAYOUT RESET           ...4...
CONTROL USERINTERFACE ENABLEDS    ...4...
CONTROL USERINTERFACE DISABLEDS   ....5..
CONTROL EVENT PROCESSEVENT        ....567
CONTROL SETUPMEMXFER GET          ...456.
IMAGE IMAGEINFO GET               .....67
IMAGE IMAGEMEMXFER GET            .....67
IMAGE IMAGENATIVEXFER GET         .....6.
CONTROL PENDINGXFERS ENDXFER      .....67
CONTROL PENDINGXFERS RESET        .....6.
CONTROL PENDINGXFERS STOPFEEDER   .....6.
CONTROL NULL XFERREADY            ....5..
CONTROL NULL CLOSEDSREQ           ....567
CONTROL NULL CLOSEDSOK            ....5..
CONTROL NULL DEVICEEVENT          ...4567
"""
LEADS = {  # with these codes an operation leads to the state at the end; with any other nowhere
    "PARENT OPENDSM": ({"SUCCESS"}, 3),
    "PARENT CLOSEDSM": ({"SUCCESS"}, 2),
    "IDENTITY OPENDS": ({"SUCCESS"}, 4),
    "IDENTITY CLOSEDS": ({"SUCCESS"}, 3),
    "USERINTERFACE ENABLEDS": ({"SUCCESS", "CHECKSTATUS"}, 5),
    "USERINTERFACE DISABLEDS": ({"SUCCESS"}, 4),
    "NULL XFERREADY": ({"SUCCESS"}, 6),
    "IMAGEMEMXFER GET": ({"SUCCESS", "XFERDONE", "CANCEL"}, 7),
    "IMAGENATIVEXFER GET": ({"XFERDONE", "CANCEL"}, 7),
    "PENDINGXFERS RESET": ({"SUCCESS"}, 5),
}


def _rows():
    for line in SPECIFICATION.strip().splitlines():
        group, dat, msg, allowed = line.split()
        legal = {int(digit) for digit in allowed if digit != "."}
        yield Triplet(Group[group], Dat[dat], Msg[msg]), legal, LEADS.get(f"{dat} {msg}", (set(), 0))


ROWS = list(_rows())
STEPS = [(triplet, legal, leads, number) for triplet, legal, leads in ROWS for number in range(1, 8)]


def test_every_operation_of_the_client_is_in_the_table():
    named = {value for value in vars(states).values() if isinstance(value, Triplet)}
    assert named == set(LEGAL) == {triplet for triplet, *_ in ROWS}


@pytest.mark.parametrize("code", Rc)
def test_every_step_with_every_code(code):
    for triplet, legal, (codes, end), number in STEPS:
        if triplet == states.END_TRANSFER:
            continue  # see the next
        if number not in legal:
            with pytest.raises(IllegalStep) as refused:
                State(number).after(triplet, code)
            assert (refused.value.state, refused.value.triplet) == (number, triplet)
        else:
            assert State(number).after(triplet, code) == State(end if code.name in codes else number), triplet


@pytest.mark.parametrize(("code", "pending"), list(itertools.product(Rc, (0, 1, 7, 0xFFFF))))
def test_the_end_of_a_page_leads_to_the_next_or_to_waiting(code, pending):
    for number in range(1, 8):
        if number < 6:
            with pytest.raises(IllegalStep):
                State(number).after(states.END_TRANSFER, code, pending)
        else:
            expected = number if code != Rc.SUCCESS else 6 if pending else 5
            assert State(number).after(states.END_TRANSFER, code, pending) == State(expected)


@pytest.mark.parametrize("number", range(1, 8))
def test_a_step_is_refused_before_it_is_taken(number):
    for triplet, legal, _ in ROWS:
        assert State(number).allows(triplet) is (number in legal)
        if number in legal:
            State(number).require(triplet)
        else:
            with pytest.raises(IllegalStep, match=f"DAT_{triplet.dat.name}/MSG_{triplet.msg.name} in state {number}"):
                State(number).require(triplet)


@pytest.mark.parametrize("number", range(1, 8))
def test_loading_leads_from_one_to_two_and_back(number):
    for step, start, end in ((State.loaded, 1, 2), (State.unloaded, 2, 1)):
        if number == start:
            assert step(State(number)) == State(end)
        else:
            with pytest.raises(IllegalStep):
                step(State(number))


def test_a_feeder_of_two_pages_and_the_way_down():
    state = State().loaded()
    for triplet, code, pending, number in (
        (states.OPEN_MANAGER, Rc.SUCCESS, 0, 3), (states.OPEN_SOURCE, Rc.SUCCESS, 0, 4),
        (states.ENABLE, Rc.SUCCESS, 0, 5), (states.PAGE_READY, Rc.SUCCESS, 0, 6),
        (states.NEXT_STRIP, Rc.SUCCESS, 0, 7), (states.NEXT_STRIP, Rc.XFERDONE, 0, 7),
        (states.END_TRANSFER, Rc.SUCCESS, 1, 6), (states.WHOLE_IMAGE, Rc.FAILURE, 0, 6),
        (states.END_TRANSFER, Rc.SUCCESS, 0, 5), (states.DISABLE, Rc.SUCCESS, 0, 4),
        (states.CLOSE_SOURCE, Rc.SUCCESS, 0, 3), (states.CLOSE_MANAGER, Rc.SUCCESS, 0, 2),
    ):
        state = state.after(triplet, code, pending)
        assert state.number == number
    assert state.unloaded() == State(1)


def test_a_state_is_never_changed():
    state = State(4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.number = 5
    state.after(states.ENABLE)
    assert state == State(4)
