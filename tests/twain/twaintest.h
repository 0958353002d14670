/* What the virtual source manager and the virtual source share: the numbers and structures of the TWAIN 2.5 specification
 * that they use, and the scene, a file that says what the source has and what goes wrong in it. */
#ifndef TWAINTEST_H
#define TWAINTEST_H

#include <stdbool.h>
#include <stdint.h>
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#define SOURCE_FILE L"source%d.ds" /* beside the source manager */

enum { DG_CONTROL = 1, DG_IMAGE = 2, DF_DSM2 = 0x10000000, DF_APP2 = 0x20000000, DF_DS2 = 0x40000000 };

enum {
    DAT_NULL = 0, DAT_CAPABILITY = 1, DAT_EVENT = 2, DAT_IDENTITY = 3, DAT_PARENT = 4, DAT_PENDINGXFERS = 5,
    DAT_SETUPMEMXFER = 6, DAT_STATUS = 8, DAT_USERINTERFACE = 9, DAT_XFERGROUP = 10, DAT_CALLBACK = 0x10,
    DAT_STATUSUTF8 = 0x11, DAT_IMAGEINFO = 0x101, DAT_IMAGELAYOUT = 0x102, DAT_IMAGEMEMXFER = 0x103,
    DAT_IMAGENATIVEXFER = 0x104, DAT_ENTRYPOINT = 0x403
};

enum {
    MSG_NULL = 0, MSG_GET = 1, MSG_GETCURRENT = 2, MSG_GETDEFAULT = 3, MSG_GETFIRST = 4, MSG_GETNEXT = 5, MSG_SET = 6,
    MSG_RESET = 7, MSG_QUERYSUPPORT = 8, MSG_XFERREADY = 0x101, MSG_CLOSEDSREQ = 0x102, MSG_OPENDSM = 0x301,
    MSG_CLOSEDSM = 0x302, MSG_OPENDS = 0x401, MSG_CLOSEDS = 0x402, MSG_USERSELECT = 0x403, MSG_DISABLEDS = 0x501,
    MSG_ENABLEDS = 0x502, MSG_PROCESSEVENT = 0x601, MSG_ENDXFER = 0x701, MSG_STOPFEEDER = 0x702,
    MSG_REGISTER_CALLBACK = 0x902, MSG_RESETALL = 0xA01
};

enum {
    TWRC_SUCCESS = 0, TWRC_FAILURE = 1, TWRC_CHECKSTATUS = 2, TWRC_CANCEL = 3, TWRC_DSEVENT = 4, TWRC_NOTDSEVENT = 5,
    TWRC_XFERDONE = 6, TWRC_ENDOFLIST = 7
};

enum {
    TWCC_SUCCESS = 0, TWCC_BUMMER = 1, TWCC_LOWMEMORY = 2, TWCC_NODS = 3, TWCC_MAXCONNECTIONS = 4, TWCC_OPERATIONERROR = 5,
    TWCC_BADPROTOCOL = 9, TWCC_BADVALUE = 10, TWCC_SEQERROR = 11, TWCC_BADDEST = 12, TWCC_CAPUNSUPPORTED = 13,
    TWCC_CAPBADOPERATION = 14, TWCC_PAPERJAM = 20, TWCC_PAPERDOUBLEFEED = 21, TWCC_CHECKDEVICEONLINE = 23,
    TWCC_INTERLOCK = 24, TWCC_NOMEDIA = 29
};

enum { TWTY_INT16 = 1, TWTY_UINT16 = 4, TWTY_UINT32 = 5, TWTY_BOOL = 6, TWTY_FIX32 = 7 };
enum { TWON_ARRAY = 3, TWON_ENUMERATION = 4, TWON_ONEVALUE = 5, TWON_RANGE = 6 };
enum { TWMF_APPOWNS = 1, TWMF_POINTER = 8 };
enum { TWPT_BW = 0, TWPT_GRAY = 1, TWPT_RGB = 2 };
enum { TWUN_INCHES = 0, TWUN_CENTIMETERS = 1 };
enum { TWSX_NATIVE = 0, TWSX_MEMORY = 2 };
enum { TWSS_NONE = 0, TWSS_A4 = 1, TWSS_A5 = 5, TWSS_A3 = 11 };
enum { TWPF_CHOCOLATE = 0, TWPF_VANILLA = 1 };
enum { TWBO_LSBFIRST = 0, TWBO_MSBFIRST = 1 };
enum { TWQC_GET = 1, TWQC_SET = 2, TWQC_GETDEFAULT = 4, TWQC_GETCURRENT = 8, TWQC_RESET = 16 };

enum {
    CAP_XFERCOUNT = 1, ICAP_COMPRESSION = 0x100, ICAP_PIXELTYPE = 0x101, ICAP_UNITS = 0x102, ICAP_XFERMECH = 0x103,
    CAP_FEEDERENABLED = 0x1002, CAP_FEEDERLOADED = 0x1003, CAP_SUPPORTEDCAPS = 0x1005, CAP_AUTOFEED = 0x1007,
    CAP_INDICATORS = 0x100B, CAP_PAPERDETECTABLE = 0x100D, CAP_UICONTROLLABLE = 0x100E, CAP_DEVICEONLINE = 0x100F,
    CAP_DUPLEX = 0x1012, CAP_DUPLEXENABLED = 0x1013, CAP_DOUBLEFEEDDETECTION = 0x103F, ICAP_PHYSICALWIDTH = 0x1111,
    ICAP_PHYSICALHEIGHT = 0x1112, ICAP_XNATIVERESOLUTION = 0x1116, ICAP_YNATIVERESOLUTION = 0x1117,
    ICAP_XRESOLUTION = 0x1118, ICAP_YRESOLUTION = 0x1119, ICAP_BITORDER = 0x111C, ICAP_PIXELFLAVOR = 0x111F,
    ICAP_PLANARCHUNKY = 0x1120, ICAP_SUPPORTEDSIZES = 0x1122, ICAP_BITDEPTH = 0x112B
};

#pragma pack(push, 2)
typedef struct { int16_t whole; uint16_t frac; } Fix32;
typedef struct { Fix32 left, top, right, bottom; } Frame;
typedef struct { uint16_t major, minor, language, country; char info[34]; } Version;
typedef struct {
    uint32_t id;
    Version version;
    uint16_t protocol_major, protocol_minor;
    uint32_t groups;
    char manufacturer[34], family[34], product[34];
} Identity;
typedef struct { uint16_t cap, form; HANDLE container; } Capability;
typedef struct { uint16_t type; uint32_t item; } OneValue;
typedef struct { uint16_t type; uint32_t count; uint8_t items[]; } Array;
typedef struct { uint16_t type; uint32_t count, current, initial; uint8_t items[]; } Enumeration;
typedef struct { uint16_t type; uint32_t least, most, step, initial, current; } Range;
typedef struct { MSG *event; uint16_t message; } Event;
typedef struct { void *function; uint32_t reference; int16_t message; } Callback;
typedef struct {
    Fix32 x_resolution, y_resolution;
    int32_t width, height;
    int16_t samples_per_pixel, bits_per_sample[8], bits_per_pixel;
    uint16_t planar;
    int16_t pixel_type;
    uint16_t compression;
} ImageInfo;
typedef struct { Frame frame; uint32_t document, page, number; } ImageLayout;
typedef struct { uint32_t flags, length; uint8_t *address; } Memory;
typedef struct {
    uint16_t compression;
    uint32_t bytes_per_row, columns, rows, x_offset, y_offset, written;
    Memory memory;
} ImageMemXfer;
typedef struct { uint16_t count; uint32_t end_of_job; } PendingXfers;
typedef struct { uint32_t least, most, preferred; } SetupMemXfer;
typedef struct { uint16_t condition, data; } Status;
typedef struct { Status status; uint32_t size; HANDLE text; } StatusUtf8;
typedef struct { uint16_t show, modal; HWND parent; } UserInterface;

typedef uint16_t(WINAPI *ManagerEntry)(Identity *, Identity *, uint32_t, uint16_t, uint16_t, void *);
typedef uint16_t(WINAPI *SourceEntry)(Identity *, uint32_t, uint16_t, uint16_t, void *);
typedef struct {
    uint32_t size;
    ManagerEntry entry;
    HANDLE(WINAPI *allocate)(uint32_t);
    void(WINAPI *release)(HANDLE);
    void *(WINAPI *lock)(HANDLE);
    void(WINAPI *unlock)(HANDLE);
} EntryPoint;
#pragma pack(pop)

/* --- The scene, of the file that the variable SOHOA_TWAIN_SCENE names: a line for each key, key=value. ---
 * "2.key" counts for the source of that number alone. */

void scene_read(int source);                      /* anew; source 0: the manager's own view */
int scene_number(const char *key, int otherwise); /* or what to take where the scene has no such line */
bool scene_is(const char *key, const char *value);
bool scene_has(const char *key);
void scene_log(const char *format, ...) __attribute__((format(printf, 1, 2))); /* a fault of the client, to scene.log */

typedef struct { int fed, laid, faults; } Left; /* pages of the feeder and of the glass so far, faults that have happened */
Left scene_left(void);                          /* of scene.left: from session to session */
void scene_leave(Left left);

#endif
