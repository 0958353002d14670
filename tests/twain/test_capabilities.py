"""Capabilities: containers byte by byte as the specification lays them, and values set, read back and compared."""

import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pretend import Source, choice

from capture.devices import ScannerFailed
from capture.twain.capabilities import Capabilities, Container, cap_named, size_of
from capture.twain.types import Cap, Cc, Dat, Holds, Kind, Msg

LAID = [  # containers, and their bytes worked out by hand
    (Container.of(Kind.UINT16, 2), "0400 02000000"),
    (Container.of(Kind.INT16, -1), "0100 ffff0000"),
    (Container.of(Kind.BOOL, True), "0600 01000000"),
    (Container.of(Kind.FIX32, 300.5), "0700 2c010080"),
    (Container.of(Kind.STR32, "Fuji"), "0900 46756a69" + "00" * 30),
    (Container(Holds.ENUMERATION, Kind.UINT16, (0, 1, 2), 2, 1), "0400 03000000 02000000 01000000 0000 0100 0200"),
    (Container(Holds.ENUMERATION, Kind.FIX32, (75.0, 299.999), 75.0, 75.0),
     "0700 02000000 00000000 00000000 4b000000 2b01beff"),
    (Container(Holds.RANGE, Kind.FIX32, (50.0, 600.0, 1.0), 150.0, 75.0),
     "0700 32000000 58020000 01000000 4b000000 96000000"),
    (Container(Holds.RANGE, Kind.INT16, (-1000, 1000, 1), 5, 0), "0100 18fc0000 e8030000 01000000 00000000 05000000"),
    (Container(Holds.ARRAY, Kind.UINT16, (0x1118, 0x1119)), "0400 02000000 1811 1911"),
    (Container(Holds.ARRAY, Kind.UINT8, ()), "0300 00000000"),
    (Container.of(Kind.FRAME, (0.0, 0.5, 8.5, 11.0)), "0800 00000000 00000080 08000080 0b000000"),
]


@pytest.mark.parametrize(("container", "raw"), LAID)
def test_containers_are_laid_as_the_specification_says(container, raw):
    assert container.packed() == bytes.fromhex(raw)
    read = Container.unpacked(container.holds, bytes.fromhex(raw) + b"\xee" * 5)  # memory is often larger
    if container.kind == Kind.FIX32:
        assert read.values == pytest.approx(container.values, abs=2**-17)
    else:
        assert read == container


def test_a_range_keeps_its_place_for_small_kinds():
    """Each of the five numbers takes four bytes; of a small kind only the first count, whatever lies behind."""
    raw = struct.pack("<H", Kind.UINT8) + b"".join(bytes([value, 0xAA, 0xBB, 0xCC]) for value in (1, 9, 2, 3, 5))
    read = Container.unpacked(Holds.RANGE, raw)
    assert (read.values, read.default, read.current, str(read)) == ((1, 9, 2), 3, 5, "1 – 9")


@pytest.mark.parametrize(("holds", "raw"), [
    (Holds.ONEVALUE, ""), (Holds.ONEVALUE, "04"), (Holds.ONEVALUE, "0700 0100"), (Holds.RANGE, "0400" + "00" * 17),
    (Holds.ENUMERATION, "0400 03000000 00000000 00000000 0000 0100"), (Holds.ARRAY, "0400 ffffff7f 0000"),
    (Holds.ARRAY, "0c00 01000000 41"), (Holds.ONEVALUE, "9900 00000000"), (99, "0400 00000000"), (0xFFFF, "0400 00000000"),
])
def test_a_container_that_is_not_whole(holds, raw):
    with pytest.raises(ValueError):
        Container.unpacked(holds, bytes.fromhex(raw))


def test_an_index_beyond_the_values_is_no_value():
    read = Container.unpacked(Holds.ENUMERATION, bytes.fromhex("0400 02000000 07000000 00000000 0100 0200"))
    assert (read.values, read.current, read.default) == ((1, 2), None, 1)


@pytest.mark.parametrize(("kind", "value"), [
    (Kind.UINT8, 256), (Kind.INT16, 40000), (Kind.UINT16, -1), (Kind.UINT32, "x"), (Kind.FIX32, 40000.0),
    (Kind.STR32, "x" * 34), (Kind.UINT16, 1.5), (Kind.STR32, 5),
])
def test_a_value_that_is_not_of_its_kind(kind, value):
    with pytest.raises(ValueError):
        Container.of(kind, value).packed()


def test_sizes_of_items():
    sizes = {kind: size_of(kind) for kind in Kind}
    assert list(sizes.values()) == [1, 2, 4, 1, 2, 4, 2, 4, 16, 34, 66, 130, 256]
    with pytest.raises(ValueError):
        size_of(99)


def _caps(**more):
    source = Source(**more)
    return source, Capabilities(source.opened())


def test_a_value_is_set_and_read_back():
    source, caps = _caps(caps={Cap.ICAP_XRESOLUTION: choice(Kind.FIX32, 75.0, 300.0)})
    caps.set(Cap.ICAP_XRESOLUTION, 300.0, 0.5, "resolution")
    assert caps.current(Cap.ICAP_XRESOLUTION) == 300.0
    assert caps.get(Cap.ICAP_XRESOLUTION).choices == (75.0, 300.0)
    assert (Dat.CAPABILITY, Msg.SET) in source.calls
    assert not source.heap.held, "every container is freed"


@pytest.mark.parametrize(("more", "asked", "got"), [
    ({"caps": {0x1118: choice(Kind.FIX32, 75.0, 300.0)}}, 200.0, "75"),  # refused
    ({"caps": {0x1118: choice(Kind.FIX32, 75.0, 200.0)}, "keeps": {0x1118: 75.0}}, 200.0, "75"),  # taken, not kept
    ({"caps": {}}, 200.0, "—"),  # not there
    ({"caps": {0x1118: Container.of(Kind.FIX32, 75.0)}}, 40000.0, "75"),  # cannot be written
    ({"caps": {0x1118: Container.of(Kind.FIX32, 75.0)}, "fails": {(Dat.CAPABILITY, Msg.SET): Cc.CAPSEQERROR}}, 200.0, "75"),
])
def test_a_value_that_is_not_kept_is_told(more, asked, got):
    source, caps = _caps(**more)
    with pytest.raises(ScannerFailed) as refused:
        caps.set(0x1118, asked, 0.5, "resolution")
    assert refused.value.code == "scanner_option"
    assert refused.value.facts == {"option": "resolution", "asked": f"{asked:g}", "got": got}
    assert not source.heap.held


def test_a_number_may_differ_by_what_is_allowed():
    _, caps = _caps(caps={0x1118: Container.of(Kind.FIX32, 75.0)}, keeps={0x1118: 300.4})
    caps.set(0x1118, 300.0, 0.5)
    with pytest.raises(ScannerFailed) as refused:
        caps.set(0x1118, 300.0, 0.3)
    assert refused.value.facts["option"] == "ICAP_XRESOLUTION"


def test_what_only_helps_is_offered():
    source, caps = _caps(caps={
        Cap.CAP_INDICATORS: Container.of(Kind.BOOL, True), Cap.CAP_AUTOFEED: choice(Kind.BOOL, False),
        Cap.CAP_DOUBLEFEEDDETECTION: Container(Holds.ARRAY, Kind.UINT16, (7,)),
    })
    assert caps.offer(Cap.CAP_INDICATORS, False) is True
    assert caps.offer(Cap.CAP_AUTOFEED, True) is False
    assert caps.offer(Cap.ICAP_TILES, False) is False
    assert caps.offer_all(Cap.CAP_DOUBLEFEEDDETECTION, (0,)) is True
    assert source.caps[Cap.CAP_DOUBLEFEEDDETECTION].values == (0,)
    sets = source.calls.count((Dat.CAPABILITY, Msg.SET))
    assert caps.offer(Cap.CAP_INDICATORS, False) and source.calls.count((Dat.CAPABILITY, Msg.SET)) == sets


@pytest.mark.parametrize("cc", [Cc.CAPUNSUPPORTED, Cc.BADCAP, Cc.BADPROTOCOL, Cc.CAPBADOPERATION, Cc.BUMMER, Cc.SEQERROR])
def test_what_cannot_be_asked_for_is_not_there(cc):
    _, caps = _caps(caps={1: Container.of(Kind.INT16, 1)}, fails={(Dat.CAPABILITY, Msg.GET): cc,
                                                               (Dat.CAPABILITY, Msg.GETCURRENT): cc})
    assert caps.get(1) is None and caps.current(1) is None and caps.offer(1, 2) is False


def test_a_scanner_that_is_gone_is_no_missing_capability():
    _, caps = _caps(fails={(Dat.CAPABILITY, Msg.GET): Cc.CHECKDEVICEONLINE})
    with pytest.raises(ScannerFailed) as gone:
        caps.get(Cap.CAP_XFERCOUNT)
    assert gone.value.code == "scanner_unplugged"


@pytest.mark.parametrize(("kind", "text", "value"), [
    (Kind.BOOL, "Yes", True), (Kind.BOOL, "off", False), (Kind.INT16, "-7", -7), (Kind.UINT16, "0x10", 16),
    (Kind.FIX32, "1.5", 1.5), (Kind.STR32, "7", "7"), (Kind.INT16, "seven", "seven"),
])
def test_values_that_a_person_wrote(kind, text, value):
    _, caps = _caps(caps={5: Container.of(kind, {Kind.FIX32: 0.0, Kind.STR32: "", Kind.BOOL: False}.get(kind, 0))})
    assert caps.parsed(5, text) == value


def test_names_of_capabilities():
    assert cap_named("icap_brightness") == 0x1101
    assert (cap_named("0x8001"), cap_named("4353"), cap_named("brightness")) == (0x8001, 0x1101, None)
