"""Sizes, places and numbers of TWAIN's structures as the specification has them for 32-bit and 64-bit Windows."""

import ctypes

import pytest

from capture.twain import types

PLAIN = {  # the same for both word sizes
    types.Fix32: (4, {"whole": 0, "frac": 2}),
    types.Frame: (16, {"left": 0, "top": 4, "right": 8, "bottom": 12}),
    types.Version: (42, {"major": 0, "minor": 2, "language": 4, "country": 6, "info": 8}),
    types.Identity: (156, {"id": 0, "version": 4, "protocol_major": 46, "protocol_minor": 48, "groups": 50,
                           "manufacturer": 54, "family": 88, "product": 122}),
    types.ImageInfo: (42, {"x_resolution": 0, "y_resolution": 4, "width": 8, "height": 12, "samples_per_pixel": 16,
                           "bits_per_sample": 18, "bits_per_pixel": 34, "planar": 36, "pixel_type": 38, "compression": 40}),
    types.ImageLayout: (28, {"frame": 0, "document": 16, "page": 20, "number": 24}),
    types.PendingXfers: (6, {"count": 0, "end_of_job": 2}),
    types.SetupMemXfer: (12, {"least": 0, "most": 4, "preferred": 8}),
    types.Status: (4, {"condition": 0, "data": 2}),
}
WITH_HANDLES = {  # size with 32 and 64 bits, and the places with 32 and 64 bits
    "Capability": ((8, 12), {"cap": (0, 0), "holds": (2, 2), "container": (4, 4)}),
    "Event": ((6, 10), {"event": (0, 0), "message": (4, 8)}),
    "Memory": ((12, 16), {"flags": (0, 0), "length": (4, 4), "address": (8, 8)}),
    "ImageMemXfer": ((38, 42), {"compression": (0, 0), "bytes_per_row": (2, 2), "columns": (6, 6), "rows": (10, 10),
                                "x_offset": (14, 14), "y_offset": (18, 18), "written": (22, 22), "memory": (26, 26)}),
    "UserInterface": ((8, 12), {"show": (0, 0), "modal": (2, 2), "parent": (4, 4)}),
    "Callback": ((10, 14), {"function": (0, 0), "reference": (4, 8), "message": (8, 12)}),
    "StatusUtf8": ((12, 16), {"status": (0, 0), "size": (4, 4), "text": (8, 8)}),
    "EntryPoint": ((24, 44), {"size": (0, 0), "entry": (4, 4), "allocate": (8, 12), "free": (12, 20), "lock": (16, 28),
                              "unlock": (20, 36)}),
}


@pytest.mark.parametrize("structure", PLAIN, ids=lambda structure: structure.__name__)
def test_structures_without_handles(structure):
    size, places = PLAIN[structure]
    assert ctypes.sizeof(structure) == size
    assert {name: getattr(structure, name).offset for name, _ in structure._fields_} == places


@pytest.mark.parametrize("name", WITH_HANDLES)
@pytest.mark.parametrize(("which", "word"), [(0, ctypes.c_uint32), (1, ctypes.c_uint64)])
def test_structures_with_handles(name, which, word):
    structure = getattr(types.structures(word), name)
    sizes, places = WITH_HANDLES[name]
    assert ctypes.sizeof(structure) == sizes[which]
    assert {field: getattr(structure, field).offset for field, _ in structure._fields_} == {
        field: place[which] for field, place in places.items()
    }


def test_this_process_has_its_own_word_size():
    word = ctypes.sizeof(ctypes.c_void_p)
    assert ctypes.sizeof(types.EntryPoint) == 4 + 5 * word
    assert set(vars(types.structures(ctypes.c_size_t))) == set(WITH_HANDLES)


@pytest.mark.parametrize(("number", "raw"), [
    (0, "0000 0000"), (1, "0100 0000"), (300, "2c01 0000"), (8.5, "0800 0080"), (-1, "ffff 0000"), (-0.5, "ffff 0080"),
    (-1.25, "feff 00c0"), (11.6929, "0b00 62b1"), (32767.99999, "ff7f ffff"), (-32768, "0080 0000"),
])
def test_fixed_point_numbers(number, raw):
    made = types.Fix32.of(number)
    assert bytes(made) == bytes.fromhex(raw)
    assert float(made) == pytest.approx(number, abs=2**-17)


def test_every_fixed_point_number_survives():
    for scaled in range(-(2**31), 2**31, 9_999_991):
        assert float(types.Fix32.of(scaled / 65536)) * 65536 == scaled


@pytest.mark.parametrize("number", [32768, -32768.1, 1e9])
def test_numbers_that_do_not_fit(number):
    with pytest.raises(ValueError):
        types.Fix32.of(number)


def test_numbers_of_the_specification():
    assert types.Dat.IMAGEMEMXFER == 0x103 and types.Dat.ENTRYPOINT == 0x403 and types.Dat.STATUSUTF8 == 0x11
    assert types.Msg.PROCESSEVENT == 0x601 and types.Msg.REGISTER_CALLBACK == 0x902 and types.Msg.ENDXFER == 0x701
    assert types.Cap.ICAP_XRESOLUTION == 0x1118 and types.Cap.CAP_DUPLEXENABLED == 0x1013
    assert types.Cc.PAPERJAM == 20 and types.Cc.INTERLOCK == 24 and types.Cc.NOMEDIA == 29
    assert str(types.Triplet(types.Group.IMAGE, types.Dat.IMAGEINFO, types.Msg.GET)) == "DG_IMAGE/DAT_IMAGEINFO/MSG_GET"
