"""A TWAIN source set up and its pages one by one, with a source in Python; the real calls are tested under Wine."""

import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pretend import Source, Strip, choice, info, switch

from capture.devices import Device, ScannerFailed, ScanParams
from capture.session import Session
from capture.twain import device, dsm
from capture.twain.capabilities import Container
from capture.twain.states import IllegalStep
from capture.twain.types import BW, CENTRED, GRAY, RGB, SIZES, Cap, Cc, Dat, Fix32, Group, Kind, Msg, Rc
from texts import say

USUAL = {
    Cap.CAP_XFERCOUNT: Container.of(Kind.INT16, -1),
    Cap.ICAP_PIXELTYPE: choice(Kind.UINT16, BW, GRAY, RGB),
    Cap.ICAP_UNITS: choice(Kind.UINT16, 0),
    Cap.ICAP_XFERMECH: choice(Kind.UINT16, 0, 2),
    Cap.ICAP_XRESOLUTION: choice(Kind.FIX32, 150.0, 300.0, 600.0),
    Cap.ICAP_YRESOLUTION: choice(Kind.FIX32, 150.0, 300.0, 600.0),
    Cap.ICAP_BITDEPTH: choice(Kind.UINT16, 1, 8, 24),
    Cap.ICAP_PHYSICALWIDTH: Container.of(Kind.FIX32, 304 / 25.4),
    Cap.ICAP_PHYSICALHEIGHT: Container.of(Kind.FIX32, 432 / 25.4),
}
FEEDER = {
    Cap.CAP_FEEDERENABLED: switch(), Cap.CAP_AUTOFEED: switch(), Cap.CAP_PAPERDETECTABLE: switch(True),
    Cap.CAP_FEEDERLOADED: Container.of(Kind.BOOL, True), Cap.CAP_DUPLEX: choice(Kind.UINT16, 1),
    Cap.CAP_DUPLEXENABLED: switch(),
}
GREY = ScanParams(mode="grey", source="feeder")
ROW = bytes(range(20))


def opened(caps=USUAL, **more):
    source = Source(caps=dict(caps), **more)
    source.dsm.open()
    return source, device.opened(source.dsm, "Model X")


def fed(pages, **more):
    """A feeder with so many grey sheets, set up and chosen."""
    sheets = [Strip(ROW * 10, 10, Rc.XFERDONE) for _ in range(pages)]
    source, scanner = opened({**USUAL, **FEEDER}, info=info(20, 10, GRAY, 8), strips=sheets,
                             pending=[*range(pages - 1, -1, -1)], **more)
    scanner.use_source("feeder")
    scanner.set_up(GREY)
    return source, scanner


def code_of(call, *arguments):
    with pytest.raises(ScannerFailed) as refused:
        call(*arguments)
    return refused.value.code


# --- What it can do ---


def test_sources_are_listed_by_name():
    source = Source()
    source.dsm.open()
    assert device.listed(source.dsm, "twain64:") == [Device("twain64:Model X", "Maker", "Model X", "scanner")]


def test_sources_that_give_no_images_are_not_listed():
    source = Source(groups=Group.CONTROL)
    source.dsm.open()
    assert device.listed(source.dsm, "") == []
    assert code_of(device.opened, source.dsm, "Model X") == "scanner_not_found"


def test_a_manager_without_sources():
    source = Source(fails={(Dat.IDENTITY, Msg.GETFIRST): Cc.NODS})
    source.dsm.open()
    assert device.listed(source.dsm, "") == []


def test_what_a_scanner_can_do():
    _, scanner = opened({**USUAL, **FEEDER})
    assert scanner.described(Device("d", "v", "m", "k")) == Device(
        "d", "v", "m", "k", ("flatbed", "feeder", "duplex"), (150.0, 300.0, 600.0), ("colour", "grey", "bitonal"),
        304.0, 432.0, duplex=True)


@pytest.mark.parametrize(("caps", "sources"), [
    ({}, ("flatbed",)),
    ({Cap.CAP_FEEDERENABLED: Container.of(Kind.BOOL, False)}, ("flatbed", "feeder")),  # tried out
    ({Cap.CAP_FEEDERENABLED: choice(Kind.BOOL, True)}, ("feeder",)),
    ({Cap.CAP_FEEDERENABLED: choice(Kind.BOOL, False)}, ("flatbed",)),
    ({Cap.CAP_FEEDERENABLED: switch(True), Cap.CAP_DUPLEX: Container.of(Kind.UINT16, 0)}, ("flatbed", "feeder")),
])
def test_sources_of_paper(caps, sources):
    source, scanner = opened(caps)
    before = dict(source.caps)
    assert scanner._sources == sources
    assert source.caps == before


def test_a_source_with_only_what_every_source_has():
    least = {cap: USUAL[cap] for cap in (Cap.CAP_XFERCOUNT, Cap.ICAP_PIXELTYPE, Cap.ICAP_UNITS, Cap.ICAP_XFERMECH)}
    _, scanner = opened(least, info=info(20, 10, GRAY, 8), strips=[Strip(ROW * 10, 10, Rc.XFERDONE)], frame=None)
    assert scanner.described(Device("d", "v", "m", "k")).sources == ("flatbed",)
    assert scanner.use_source("auto") == "flatbed"
    scanner.set_up(ScanParams(mode="grey", paper="A3"))
    scanner.start()
    assert scanner.read("grey").image.size == (20, 10)
    assert scanner.button_name("any") == "" and scanner.value("no such") is None
    assert scanner.value("ICAP_PIXELTYPE") == GRAY


# --- What it is told ---


def test_everything_is_set():
    source, scanner = opened({**USUAL, **FEEDER, Cap.CAP_INDICATORS: switch(True), Cap.ICAP_AUTOMATICDESKEW: switch(True),
                              Cap.CAP_DOUBLEFEEDDETECTION: choice(Kind.UINT16, 1, 0),
                              Cap.ICAP_BRIGHTNESS: Container.of(Kind.FIX32, 0.0)})
    assert scanner.use_source("duplex") == "duplex"
    scanner.set_up(ScanParams(mode="colour", paper="A3", options=("icap_brightness = 10", "4353=12.5")))
    now = {cap: held.current for cap, held in source.caps.items()}
    assert now == {**now, Cap.CAP_FEEDERENABLED: True, Cap.CAP_AUTOFEED: True, Cap.CAP_DUPLEXENABLED: True,
                   Cap.CAP_XFERCOUNT: -1, Cap.ICAP_PIXELTYPE: RGB, Cap.ICAP_BITDEPTH: 24, Cap.ICAP_XRESOLUTION: 300.0,
                   Cap.ICAP_YRESOLUTION: 300.0, Cap.ICAP_XFERMECH: 2, Cap.CAP_INDICATORS: False,
                   Cap.ICAP_AUTOMATICDESKEW: False, Cap.CAP_DOUBLEFEEDDETECTION: 0, Cap.ICAP_BRIGHTNESS: 12.5}
    assert source.frame == pytest.approx((0, 0, 297 / 25.4, 420 / 25.4), abs=1e-4)
    assert not source.heap.held


@pytest.mark.parametrize(("loaded", "detectable", "chosen"), [
    (True, True, "feeder"), (False, True, "flatbed"), (False, False, "feeder"),
])
def test_auto_takes_the_feeder_if_paper_lies_in_it(loaded, detectable, chosen):
    source, scanner = opened({**USUAL, **FEEDER, Cap.CAP_FEEDERLOADED: Container.of(Kind.BOOL, loaded),
                              Cap.CAP_PAPERDETECTABLE: switch(detectable)})
    assert scanner.use_source("auto") == chosen
    assert source.caps[Cap.CAP_FEEDERENABLED].current is (chosen == "feeder")
    scanner.set_up(ScanParams())
    assert source.caps[Cap.CAP_XFERCOUNT].current == (-1 if chosen == "feeder" else 1)


@pytest.mark.parametrize(("caps", "params", "facts"), [
    ({}, {"dpi": 200}, {"option": "resolution", "asked": "200", "got": "150"}),
    ({Cap.ICAP_PIXELTYPE: choice(Kind.UINT16, BW, GRAY)}, {}, {"option": "mode", "asked": "colour", "got": "grey, bitonal"}),
    ({Cap.ICAP_PHYSICALHEIGHT: Container.of(Kind.FIX32, 11.0)}, {"paper": "A3"},
     {"option": "paper", "asked": "A3", "got": "304 × 279 mm"}),
    ({}, {"options": ("ICAP_GAMMA=2",)}, {"option": "ICAP_GAMMA", "asked": "2", "got": "—"}),
    ({}, {"options": ("glow=2",)}, {"option": "glow", "asked": "2", "got": "—"}),
])
def test_what_a_source_does_not_take_is_told(caps, params, facts):
    _, scanner = opened({**USUAL, **caps})
    scanner.use_source("flatbed")
    with pytest.raises(ScannerFailed) as refused:
        scanner.set_up(ScanParams(**params))
    assert (refused.value.code, refused.value.facts) == ("scanner_option", facts)


def test_a_source_that_takes_a_resolution_and_keeps_another():
    _, scanner = opened(keeps={Cap.ICAP_XRESOLUTION: 150.0})
    assert code_of(scanner.set_up, ScanParams(dpi=600)) == "scanner_option"


def test_a_source_that_is_not_there():
    _, scanner = opened()
    with pytest.raises(ScannerFailed) as refused:
        scanner.use_source("duplex")
    assert refused.value.facts == {"option": "source", "asked": "duplex", "got": "flatbed"}


def test_paper_is_chosen_by_its_name_where_the_source_knows_it():
    source, scanner = opened({**USUAL, Cap.ICAP_SUPPORTEDSIZES: choice(Kind.UINT16, 0, SIZES["A4"])},
                             frame=(1.0, 0.0, 1.0 + 210 / 25.4, 297 / 25.4))
    scanner.set_up(ScanParams(paper="A4"))
    assert source.caps[Cap.ICAP_SUPPORTEDSIZES].current == SIZES["A4"]
    assert (Dat.IMAGELAYOUT, Msg.SET) not in source.calls


def test_paper_lies_in_the_middle_of_a_feeder_that_centres_it():
    source, scanner = opened({**USUAL, **FEEDER, Cap.CAP_FEEDERALIGNMENT: Container.of(Kind.UINT16, CENTRED)})
    scanner.use_source("feeder")
    scanner.set_up(ScanParams(paper="A4"))
    assert source.frame[0] * 25.4 == pytest.approx((304 - 210) / 2, abs=0.01)
    assert (source.frame[2] - source.frame[0]) * 25.4 == pytest.approx(210, abs=0.01)


def test_an_area_that_is_not_kept_is_told():
    source, scanner = opened()
    source.on_imagelayout = lambda msg, data: _letter(data)
    with pytest.raises(ScannerFailed) as refused:
        scanner.set_up(ScanParams(paper="A3"))
    assert refused.value.facts == {"option": "paper", "asked": "A3 (297 × 420 mm)", "got": "216 × 279 mm"}


def _letter(data):
    data.frame.right, data.frame.bottom = Fix32.of(8.5), Fix32.of(11.0)
    return Rc.SUCCESS


def test_with_the_drivers_window_a_person_has_the_last_word():
    source, scanner = opened({**USUAL, Cap.ICAP_PIXELTYPE: choice(Kind.UINT16, GRAY)}, info=info(20, 10, GRAY, 8),
                             strips=[Strip(ROW * 10, 10, Rc.XFERDONE)])
    scanner.set_up(ScanParams(window=True, dpi=200))
    assert scanner.by_window() and source.caps[Cap.CAP_XFERCOUNT].current == -1
    scanner.start()
    assert source.shown
    assert scanner.read("colour").image.mode == "L"


def test_a_driver_that_always_shows_its_window_is_awaited_as_one_whose_window_was_asked_for():
    source, scanner = opened({**USUAL, Cap.CAP_UICONTROLLABLE: Container.of(Kind.BOOL, False)}, info=info(20, 10, GRAY, 8),
                             strips=[Strip(ROW * 10, 10, Rc.XFERDONE)])
    scanner.set_up(ScanParams(dpi=1200))
    assert scanner.by_window()
    scanner.start()
    assert source.shown
    assert scanner.read("colour").image.mode == "L"


class Unheard:
    """A line whose other end is of no interest."""

    stopped = threading.Event()

    def state(self, state): ...

    def say(self, **message): ...


def test_what_a_person_chose_in_such_a_window_is_kept_as_it_is(tmp_path):
    _, scanner = opened({**USUAL, Cap.CAP_UICONTROLLABLE: Container.of(Kind.BOOL, False)}, info=info(20, 10, GRAY, 8),
                        strips=[Strip(ROW * 10, 10, Rc.XFERDONE)])
    Session(Unheard(), scanner, ScanParams(mode="bitonal", format="png"), tmp_path).run(1)
    with Image.open(tmp_path / "SCAN_0001.png") as page:
        assert page.mode == "L"


def test_the_drivers_window_stays_open_until_it_is_closed():
    source, scanner = opened(info=info(20, 10, GRAY, 8), strips=[Strip(ROW * 10, 10, Rc.XFERDONE)] * 2)
    scanner.set_up(ScanParams(window=True, mode="grey"))
    for says in (Msg.XFERREADY, Msg.CLOSEDSREQ):
        scanner.start()
        scanner.read("grey")
        source.dsm._told(None, None, Group.CONTROL, Dat.NULL, says, None)
    assert code_of(scanner.start) == "scanner_no_paper"
    assert source.calls.count((Dat.USERINTERFACE, Msg.ENABLEDS)) == 1


def test_a_window_that_is_closed_before_a_page():
    _, scanner = opened(says=[Msg.CLOSEDSREQ])
    scanner.set_up(ScanParams(window=True))
    assert code_of(scanner.start) == "scanner_cancelled"


# --- Its pages ---


@pytest.mark.parametrize("by_message", [False, True])
def test_a_feeder_of_three(by_message):
    source, scanner = fed(3, by_message=by_message)
    for left in (6, 6, 5):
        scanner.start()
        assert scanner.read("grey").image.tobytes() == ROW * 10
        assert source.dsm.state.number == left
    source.caps[Cap.CAP_FEEDERLOADED] = Container.of(Kind.BOOL, False)
    assert code_of(scanner.start) == "scanner_no_paper"
    assert source.calls.count((Dat.USERINTERFACE, Msg.ENABLEDS)) == 1
    assert not source.shown
    scanner.cancel()
    scanner.close()
    assert source.dsm.state.number == 1 and source.window.closed
    assert source.calls[-3:] == [(Dat.USERINTERFACE, Msg.DISABLEDS), (Dat.IDENTITY, Msg.CLOSEDS), (Dat.PARENT, Msg.CLOSEDSM)]


def test_a_feeder_that_gives_one_sheet_each_time():
    source, scanner = fed(2)
    source.pending = [0, 0]
    for _ in range(2):
        scanner.start()
        scanner.read("grey")
    assert source.calls.count((Dat.USERINTERFACE, Msg.ENABLEDS)) == 2


def test_an_empty_feeder_is_told_before_it_is_started():
    source, scanner = fed(1)
    source.caps[Cap.CAP_FEEDERLOADED] = Container.of(Kind.BOOL, False)
    assert code_of(scanner.start) == "scanner_no_paper"
    assert (Dat.USERINTERFACE, Msg.ENABLEDS) not in source.calls


@pytest.mark.parametrize(("says", "state"), [
    ([Msg.DEVICEEVENT, Msg.XFERREADY], 6), ([Msg.CLOSEDSREQ, Msg.XFERREADY], 6), ([Msg.XFERREADY, Msg.XFERREADY], 6),
])
def test_a_page_counts_more_than_what_else_is_said(says, state):
    source, scanner = fed(1, says=says)
    scanner.start()
    assert source.dsm.state.number == state


@pytest.mark.parametrize("says", [[Msg.CLOSEDSREQ], [Msg.CLOSEDSOK], [Msg.DEVICEEVENT, Msg.CLOSEDSREQ]])
def test_a_wish_to_be_closed_ends_the_scan(says):
    source, scanner = fed(1, says=says)
    assert code_of(scanner.start) == "scanner_cancelled"
    scanner.cancel()
    assert source.dsm.state.number == 4


def test_a_wish_to_be_closed_with_a_reason():
    source, scanner = fed(1, says=[Msg.CLOSEDSREQ])
    enable = source.on_userinterface

    def fails(msg, data):
        source.condition = Cc.PAPERJAM
        return enable(msg, data)

    source.on_userinterface = fails
    assert code_of(scanner.start) == "scanner_jam"


def test_a_jam_behind_a_page_does_not_cost_the_page():
    source, scanner = fed(2)
    scanner.start()
    source.fails[(Dat.PENDINGXFERS, Msg.ENDXFER)] = Cc.PAPERJAM
    assert scanner.read("grey").image.size == (20, 10)
    assert code_of(scanner.start) == "scanner_jam"


def test_a_page_of_another_kind_than_was_asked_for():
    source, scanner = fed(1)
    source.info = info(20, 10, BW, 1)
    source.strips = [Strip(bytes(3) * 10, 10, Rc.XFERDONE)]
    scanner.start()
    with pytest.raises(ScannerFailed) as refused:
        scanner.read("grey")
    assert refused.value.facts == {"option": "mode", "asked": "grey", "got": "1"}


@pytest.mark.parametrize("state", [5, 6, 7])
def test_cancel_and_close_lead_down_from_everywhere(state):
    source, scanner = fed(3)
    source.dsm.enable(False)
    if state > 5:
        source.dsm.await_page()
    if state > 6:
        source.strips[0] = replace(source.strips[0], code=Rc.SUCCESS)
        source.strips[1] = Strip(b"", 0, -Cc.OPERATIONERROR)
        assert code_of(scanner.read, "grey") == "scanner_failed"
    assert source.dsm.state.number == state
    scanner.cancel()
    assert source.dsm.state.number == 4
    scanner.close()
    assert source.dsm.state.number == 1


def test_a_source_that_refuses_a_step_down_is_told_all_the_others():
    source, scanner = fed(1)
    scanner.start()
    source.fails[(Dat.PENDINGXFERS, Msg.RESET)] = source.fails[(Dat.IDENTITY, Msg.CLOSEDS)] = Cc.SEQERROR
    scanner.cancel()
    scanner.close()
    assert source.calls[-4:] == [(Dat.PENDINGXFERS, Msg.RESET), (Dat.USERINTERFACE, Msg.DISABLEDS),
                                 (Dat.IDENTITY, Msg.CLOSEDS), (Dat.PARENT, Msg.CLOSEDSM)]
    assert source.dsm.state.number == 1


def test_a_page_is_not_begun_before_its_first_strip():
    source, scanner = fed(1)
    source.strips = [Strip(ROW * 4, 4), Strip(ROW * 4, 4), Strip(ROW * 2, 2, Rc.XFERDONE)]
    scanner.start()
    begun = []
    scanner.read("grey", lambda: begun.append(source.calls.count((Dat.IMAGEMEMXFER, Msg.GET))))
    assert begun == [1]


def test_a_feeder_that_always_says_it_is_loaded_ends_when_it_wants_to_be_closed():
    source, scanner = fed(1)
    source.caps[Cap.CAP_FEEDERLOADED] = switch(True)
    scanner.start()
    scanner.read("grey")
    source.says = [Msg.CLOSEDSREQ]
    assert code_of(scanner.start) == "scanner_no_paper"


def test_messages_are_answered_while_a_page_is_turned():
    source, scanner = fed(1)
    source.window.posted = [1, 2]
    scanner.idle()
    assert source.window.dispatched == [1, 2]
    assert (Dat.EVENT, Msg.PROCESSEVENT) not in source.calls, "no source is enabled"


# --- What goes wrong ---


@pytest.mark.parametrize("cc", Cc)
def test_every_condition_has_a_sentence(cc):
    source, _ = fed(1)
    source.fails[(Dat.USERINTERFACE, Msg.ENABLEDS)] = cc
    with pytest.raises(ScannerFailed) as refused:
        source.dsm.enable(False)
    for language in ("vi", "en"):
        sentence = say("error", refused.value.code, language, device="D", pages=3, **refused.value.facts)
        assert "{" not in sentence
    assert refused.value.facts == {"reason": f"TWCC_{cc.name}"}
    assert source.dsm.state.number == 4


@pytest.mark.parametrize(("condition", "code"), [
    (Cc.PAPERJAM, "scanner_jam"), (Cc.NOMEDIA, "scanner_no_paper"), (Cc.INTERLOCK, "scanner_cover_open"),
    (Cc.CHECKDEVICEONLINE, "scanner_unplugged"), (Cc.MAXCONNECTIONS, "scanner_busy"), (Cc.LOWMEMORY, "scanner_memory"),
    (Cc.DENIED, "twain_denied"), (Cc.BADVALUE, "scanner_refused"), (Cc.OPERATIONERROR, "scanner_failed"),
    (Cc.PAPERDOUBLEFEED, "scanner_double_feed"), (Cc.DAMAGEDCORNER, "scanner_damaged_corner"), (0x8003, "scanner_failed"),
    (-Rc.BUSY, "scanner_busy"), (-Rc.SCANNERLOCKED, "scanner_busy"),
])
def test_conditions_become_the_sentences_of_all_scanners(condition, code):
    source, _ = fed(1)
    source.fails[(Dat.USERINTERFACE, Msg.ENABLEDS)] = condition
    assert code_of(source.dsm.enable, False) == code


def test_the_drivers_own_words():
    source, _ = fed(1, words="Đèn chưa nóng")
    source.fails[(Dat.USERINTERFACE, Msg.ENABLEDS)] = Cc.OPERATIONERROR
    with pytest.raises(ScannerFailed) as refused:
        source.dsm.enable(False)
    assert refused.value.facts == {"reason": "Đèn chưa nóng"}
    assert not source.heap.held


def test_an_operation_out_of_order_never_reaches_the_manager():
    source = Source()
    source.dsm.open()
    calls = len(source.calls)
    with pytest.raises(IllegalStep):
        source.dsm.enable(False)
    assert len(source.calls) == calls


def test_a_scanner_that_another_program_has():
    source = Source(fails={(Dat.IDENTITY, Msg.OPENDS): Cc.MAXCONNECTIONS})
    source.dsm.open()
    assert code_of(device.opened, source.dsm, "Model X") == "scanner_busy"
    source.dsm.lower(1)
    assert source.dsm.state.number == 1


def test_a_list_of_sources_without_end_ends():
    source = Source()
    source.on_identity = lambda msg, data: _again(data)
    source.dsm.open()
    assert len(list(source.dsm.sources())) == dsm.MOST_SOURCES


def _again(data):
    data.groups = Group.IMAGE
    return Rc.SUCCESS
