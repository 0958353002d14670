"""Numbers and structures of the TWAIN 2.5 specification, as far as this client uses them.

Structures lie in memory as the specification says for Windows: packed to two bytes, handles and pointers as wide as the
word of the process. Handles are plain numbers here (0: none). Nothing in this module needs Windows.
"""

from __future__ import annotations

import ctypes
from ctypes import c_int16, c_int32, c_uint16, c_uint32
from enum import IntEnum
from types import SimpleNamespace
from typing import NamedTuple

PROTOCOL = (2, 5)
DONTCARE32 = 0xFFFFFFFF
UNKNOWN = -1  # a height that the source does not know before the page is through


class Group(IntEnum):
    """Data groups, and the flags of a version 2 in SupportedGroups."""

    CONTROL = 0x0001
    IMAGE = 0x0002
    DSM2 = 0x10000000
    APP2 = 0x20000000
    DS2 = 0x40000000


class Dat(IntEnum):
    """What kind of data an operation is about."""

    NULL = 0x0000
    CAPABILITY = 0x0001
    EVENT = 0x0002
    IDENTITY = 0x0003
    PARENT = 0x0004
    PENDINGXFERS = 0x0005
    SETUPMEMXFER = 0x0006
    STATUS = 0x0008
    USERINTERFACE = 0x0009
    CALLBACK = 0x0010
    STATUSUTF8 = 0x0011
    IMAGEINFO = 0x0101
    IMAGELAYOUT = 0x0102
    IMAGEMEMXFER = 0x0103
    IMAGENATIVEXFER = 0x0104
    ENTRYPOINT = 0x0403


class Msg(IntEnum):
    """What is to be done with it, or what a source says."""

    NULL = 0x0000
    GET = 0x0001
    GETCURRENT = 0x0002
    GETDEFAULT = 0x0003
    GETFIRST = 0x0004
    GETNEXT = 0x0005
    SET = 0x0006
    RESET = 0x0007
    QUERYSUPPORT = 0x0008
    XFERREADY = 0x0101
    CLOSEDSREQ = 0x0102
    CLOSEDSOK = 0x0103
    DEVICEEVENT = 0x0104
    OPENDSM = 0x0301
    CLOSEDSM = 0x0302
    OPENDS = 0x0401
    CLOSEDS = 0x0402
    DISABLEDS = 0x0501
    ENABLEDS = 0x0502
    PROCESSEVENT = 0x0601
    ENDXFER = 0x0701
    STOPFEEDER = 0x0702
    REGISTER_CALLBACK = 0x0902


class Rc(IntEnum):
    """Return codes."""

    SUCCESS = 0
    FAILURE = 1
    CHECKSTATUS = 2
    CANCEL = 3
    DSEVENT = 4
    NOTDSEVENT = 5
    XFERDONE = 6
    ENDOFLIST = 7
    INFONOTSUPPORTED = 8
    DATANOTAVAILABLE = 9
    BUSY = 10
    SCANNERLOCKED = 11


class Cc(IntEnum):
    """Condition codes: why an operation failed."""

    SUCCESS = 0
    BUMMER = 1
    LOWMEMORY = 2
    NODS = 3
    MAXCONNECTIONS = 4
    OPERATIONERROR = 5
    BADCAP = 6
    BADPROTOCOL = 9
    BADVALUE = 10
    SEQERROR = 11
    BADDEST = 12
    CAPUNSUPPORTED = 13
    CAPBADOPERATION = 14
    CAPSEQERROR = 15
    DENIED = 16
    FILEEXISTS = 17
    FILENOTFOUND = 18
    NOTEMPTY = 19
    PAPERJAM = 20
    PAPERDOUBLEFEED = 21
    FILEWRITEERROR = 22
    CHECKDEVICEONLINE = 23
    INTERLOCK = 24
    DAMAGEDCORNER = 25
    FOCUSERROR = 26
    DOCTOOLIGHT = 27
    DOCTOODARK = 28
    NOMEDIA = 29


class Kind(IntEnum):
    """TWTY: types of a capability's items."""

    INT8 = 0
    INT16 = 1
    INT32 = 2
    UINT8 = 3
    UINT16 = 4
    UINT32 = 5
    BOOL = 6
    FIX32 = 7
    FRAME = 8
    STR32 = 9
    STR64 = 10
    STR128 = 11
    STR255 = 12


class Holds(IntEnum):
    """TWON: forms of a capability's container."""

    ARRAY = 3
    ENUMERATION = 4
    ONEVALUE = 5
    RANGE = 6


class Cap(IntEnum):
    """Capabilities that this client sets, and those that a person may want to set by name."""

    CAP_XFERCOUNT = 0x0001
    ICAP_COMPRESSION = 0x0100
    ICAP_PIXELTYPE = 0x0101
    ICAP_UNITS = 0x0102
    ICAP_XFERMECH = 0x0103
    CAP_FEEDERENABLED = 0x1002
    CAP_FEEDERLOADED = 0x1003
    CAP_SUPPORTEDCAPS = 0x1005
    CAP_AUTOFEED = 0x1007
    CAP_CLEARPAGE = 0x1008
    CAP_FEEDPAGE = 0x1009
    CAP_REWINDPAGE = 0x100A
    CAP_INDICATORS = 0x100B
    CAP_PAPERDETECTABLE = 0x100D
    CAP_UICONTROLLABLE = 0x100E
    CAP_DEVICEONLINE = 0x100F
    CAP_AUTOSCAN = 0x1010
    CAP_DUPLEX = 0x1012
    CAP_DUPLEXENABLED = 0x1013
    CAP_SERIALNUMBER = 0x1024
    CAP_FEEDERALIGNMENT = 0x102D
    CAP_FEEDERORDER = 0x102E
    CAP_SEGMENTED = 0x1035
    CAP_AUTOMATICSENSEMEDIUM = 0x103B
    CAP_DOUBLEFEEDDETECTION = 0x103F
    CAP_DOUBLEFEEDDETECTIONLENGTH = 0x1040
    CAP_DOUBLEFEEDDETECTIONSENSITIVITY = 0x1041
    CAP_DOUBLEFEEDDETECTIONRESPONSE = 0x1042
    CAP_PAPERHANDLING = 0x1043
    ICAP_AUTOBRIGHT = 0x1100
    ICAP_BRIGHTNESS = 0x1101
    ICAP_CONTRAST = 0x1103
    ICAP_FILTER = 0x1106
    ICAP_GAMMA = 0x1108
    ICAP_HIGHLIGHT = 0x110A
    ICAP_LAMPSTATE = 0x110D
    ICAP_LIGHTSOURCE = 0x110E
    ICAP_ORIENTATION = 0x1110
    ICAP_PHYSICALWIDTH = 0x1111
    ICAP_PHYSICALHEIGHT = 0x1112
    ICAP_SHADOW = 0x1113
    ICAP_XNATIVERESOLUTION = 0x1116
    ICAP_YNATIVERESOLUTION = 0x1117
    ICAP_XRESOLUTION = 0x1118
    ICAP_YRESOLUTION = 0x1119
    ICAP_TILES = 0x111B
    ICAP_BITORDER = 0x111C
    ICAP_LIGHTPATH = 0x111E
    ICAP_PIXELFLAVOR = 0x111F
    ICAP_PLANARCHUNKY = 0x1120
    ICAP_ROTATION = 0x1121
    ICAP_SUPPORTEDSIZES = 0x1122
    ICAP_THRESHOLD = 0x1123
    ICAP_XSCALING = 0x1124
    ICAP_YSCALING = 0x1125
    ICAP_BITDEPTH = 0x112B
    ICAP_BITDEPTHREDUCTION = 0x112C
    ICAP_UNDEFINEDIMAGESIZE = 0x112D
    ICAP_AUTODISCARDBLANKPAGES = 0x1134
    ICAP_FLIPROTATION = 0x1136
    ICAP_IMAGEFILTER = 0x1147
    ICAP_NOISEFILTER = 0x1148
    ICAP_OVERSCAN = 0x1149
    ICAP_AUTOMATICBORDERDETECTION = 0x1150
    ICAP_AUTOMATICDESKEW = 0x1151
    ICAP_AUTOMATICROTATE = 0x1152
    ICAP_AUTOSIZE = 0x1156
    ICAP_AUTOMATICLENGTHDETECTION = 0x1158
    ICAP_AUTOMATICCOLORENABLED = 0x1159
    ICAP_IMAGEMERGE = 0x115C
    ICAP_MIRROR = 0x1160


COMPRESSION_NONE = 0
INCHES = 0
NATIVE, MEMORY = 0, 2  # ICAP_XFERMECH
BW, GRAY, RGB, BGR = 0, 1, 2, 12  # ICAP_PIXELTYPE
CHOCOLATE, VANILLA = 0, 1  # ICAP_PIXELFLAVOR: 0 is black, 0 is white
CHUNKY = 0  # ICAP_PLANARCHUNKY
LSB_FIRST, MSB_FIRST = 0, 1  # ICAP_BITORDER
NO_DUPLEX = 0
CENTRED = 2  # CAP_FEEDERALIGNMENT
KEEP_BLANK_PAGES = -2
NO_MERGE = 0
ULTRASONIC = 0  # CAP_DOUBLEFEEDDETECTION; by length would find fault with registers
STOP = 0  # CAP_DOUBLEFEEDDETECTIONRESPONSE
SIZES = {"A4": 1, "A5": 5, "A3": 11}  # ICAP_SUPPORTEDSIZES
APP_OWNS, POINTER = 0x1, 0x8  # flags of a Memory
AMERICAN, AMERICA = 13, 1  # language, country


class Triplet(NamedTuple):
    """An operation: group, kind of data, message."""

    group: Group
    dat: Dat
    msg: Msg

    def __str__(self) -> str:
        return f"DG_{self.group.name}/DAT_{self.dat.name}/MSG_{self.msg.name}"


class Packed(ctypes.Structure):
    """What all structures of TWAIN have in common."""

    _pack_ = 2


class Fix32(Packed):
    """A number with 16 bits after the point."""

    _fields_ = (("whole", c_int16), ("frac", c_uint16))

    @classmethod
    def of(cls, number: float) -> Fix32:
        """The nearest there is. Raises ValueError beyond ±32,768."""
        scaled = round(number * 65536)
        if not -(2**31) <= scaled < 2**31:
            raise ValueError(f"{number} does not fit")
        return cls(scaled >> 16, scaled & 0xFFFF)

    def __float__(self) -> float:
        return self.whole + self.frac / 65536


class Frame(Packed):
    _fields_ = (("left", Fix32), ("top", Fix32), ("right", Fix32), ("bottom", Fix32))


class Version(Packed):
    _fields_ = (
        ("major", c_uint16), ("minor", c_uint16), ("language", c_uint16), ("country", c_uint16),
        ("info", ctypes.c_char * 34),
    )


class Identity(Packed):
    _fields_ = (
        ("id", c_uint32), ("version", Version), ("protocol_major", c_uint16), ("protocol_minor", c_uint16),
        ("groups", c_uint32), ("manufacturer", ctypes.c_char * 34), ("family", ctypes.c_char * 34),
        ("product", ctypes.c_char * 34),
    )


class ImageInfo(Packed):
    _fields_ = (
        ("x_resolution", Fix32), ("y_resolution", Fix32), ("width", c_int32), ("height", c_int32),
        ("samples_per_pixel", c_int16), ("bits_per_sample", c_int16 * 8), ("bits_per_pixel", c_int16),
        ("planar", c_uint16), ("pixel_type", c_int16), ("compression", c_uint16),
    )


class ImageLayout(Packed):
    _fields_ = (("frame", Frame), ("document", c_uint32), ("page", c_uint32), ("number", c_uint32))


class PendingXfers(Packed):
    _fields_ = (("count", c_uint16), ("end_of_job", c_uint32))


class SetupMemXfer(Packed):
    _fields_ = (("least", c_uint32), ("most", c_uint32), ("preferred", c_uint32))


class Status(Packed):
    _fields_ = (("condition", c_uint16), ("data", c_uint16))


def structures(word: type) -> SimpleNamespace:
    """The structures that hold handles or pointers, for a word of the given ctypes type."""

    class Capability(Packed):
        _fields_ = (("cap", c_uint16), ("holds", c_uint16), ("container", word))

    class Event(Packed):
        _fields_ = (("event", word), ("message", c_uint16))

    class Memory(Packed):
        _fields_ = (("flags", c_uint32), ("length", c_uint32), ("address", word))

    class ImageMemXfer(Packed):
        _fields_ = (
            ("compression", c_uint16), ("bytes_per_row", c_uint32), ("columns", c_uint32), ("rows", c_uint32),
            ("x_offset", c_uint32), ("y_offset", c_uint32), ("written", c_uint32), ("memory", Memory),
        )

    class UserInterface(Packed):
        _fields_ = (("show", c_uint16), ("modal", c_uint16), ("parent", word))

    class Callback(Packed):
        _fields_ = (("function", word), ("reference", c_uint32), ("message", c_int16))

    class StatusUtf8(Packed):
        _fields_ = (("status", Status), ("size", c_uint32), ("text", word))

    class EntryPoint(Packed):
        _fields_ = (
            ("size", c_uint32), ("entry", word), ("allocate", word), ("free", word), ("lock", word), ("unlock", word),
        )

    return SimpleNamespace(
        Capability=Capability, Event=Event, Memory=Memory, ImageMemXfer=ImageMemXfer, UserInterface=UserInterface,
        Callback=Callback, StatusUtf8=StatusUtf8, EntryPoint=EntryPoint,
    )


_of_this_process = structures(ctypes.c_size_t)
Capability = _of_this_process.Capability
Event = _of_this_process.Event
Memory = _of_this_process.Memory
ImageMemXfer = _of_this_process.ImageMemXfer
UserInterface = _of_this_process.UserInterface
Callback = _of_this_process.Callback
StatusUtf8 = _of_this_process.StatusUtf8
EntryPoint = _of_this_process.EntryPoint
