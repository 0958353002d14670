/* A TWAIN source for the tests: a scanner with a feeder and a glass, made of arithmetic.
 *
 * Value of pixel (x, y) of page n, counted from 1, in channel c: (x * 3 + y * 5 + n * 40 + c * 60) & 255; grey is channel 0, a
 * bitonal pixel is white where grey is 128 and more. What it has and what goes wrong stands in the scene (see twaintest.h and
 * virtual.py). Calls that the specification does not allow in a state are refused, and written into scene.log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twaintest.h"

#define MM 25.4
#define MOST_VALUES 24
#define PREFERRED_STRIP 0x40000
#define MOST_STRIP 0x1000000

typedef struct {
    uint16_t cap, type, form; /* form of the whole: TWON */
    bool fixed, required;     /* cannot be set; there even with no_caps */
    double current, initial, values[MOST_VALUES]; /* of a range: least, most, step */
    int count;
} Held;

static HINSTANCE self;
static int number = 1; /* of this source, from its file's name */
static int state = 3;
static Identity client, own;
static EntryPoint manager; /* size 0: of version 1 */
static uint16_t condition;
static Held held[40];
static int caps;
static Frame frame; /* in inches */
static HWND window;
static UINT posted; /* the message of Windows that brings what this source says, where there are no callbacks */
static bool shown;
static HANDLE readier; /* the thread that says that a page is ready */

static Left left;
static int given; /* pages since it was enabled */
static int width, height, row_bytes, depth, channels;
static int line; /* of the page that is on its way, or: */
enum { THROUGH = -1, BROKEN = -2 };

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH)
        self = instance;
    return TRUE;
}

/* --- Answers --- */

static uint16_t failed(uint16_t code)
{
    condition = code;
    return TWRC_FAILURE;
}

static uint16_t illegal(const char *why, uint16_t code)
{
    scene_log("source, state %d: %s", state, why);
    return failed(code);
}

static HANDLE allocate(uint32_t size)
{
    return manager.size ? manager.allocate(size) : GlobalAlloc(GMEM_MOVEABLE | GMEM_ZEROINIT, size);
}

static void hang(void)
{
    for (;;)
        if (!scene_has("hang_busy"))
            Sleep(1000);
}

static DWORD WINAPI fall(void *nothing)
{
    *(volatile int *)nothing = 1;
    return 0;
}

static void crash(void)
{
    if (scene_has("crash_thread")) /* nobody can catch that */
        WaitForSingleObject(CreateThread(NULL, 0, fall, NULL, 0, NULL), INFINITE);
    fall(NULL);
}

static void fate(const char *place)
{
    if (scene_is("hang_in", place))
        hang();
    if (scene_is("crash_in", place))
        crash();
}

/* --- What it has --- */

static double inches(Fix32 fixed)
{
    return fixed.whole + fixed.frac / 65536.0;
}

static Fix32 fix(double value)
{
    int32_t scaled = (int32_t)(value * 65536 + (value < 0 ? -0.5 : 0.5));
    return (Fix32){(int16_t)(scaled >> 16), (uint16_t)(scaled & 0xFFFF)};
}

static Held *find(uint16_t cap)
{
    for (int place = 0; place < caps; place++)
        if (held[place].cap == cap)
            return &held[place];
    return NULL;
}

static double now(uint16_t cap)
{
    Held *one = find(cap);
    return one ? one->current : 0;
}

/* A capability; `values` ends with -1e9. One that has a single value is a ONEVALUE. */
static Held *have(uint16_t cap, uint16_t type, double current, const double *values)
{
    Held *one = &held[caps++];
    memset(one, 0, sizeof *one);
    one->cap = cap;
    one->type = type;
    one->current = one->initial = current;
    while (values && values[one->count] > -1e9) {
        one->values[one->count] = values[one->count];
        one->count++;
    }
    one->form = one->count > 1 && type != TWTY_BOOL ? TWON_ENUMERATION : TWON_ONEVALUE;
    return one;
}

#define CHOICES(...) ((const double[]){__VA_ARGS__, -1e9})

static void required(Held *one)
{
    one->required = true;
}

static void fixed(uint16_t cap, uint16_t type, double value)
{
    have(cap, type, value, NULL)->fixed = true;
}

static bool has_feeder(void)
{
    return scene_has("feeder");
}

static bool has_glass(void)
{
    return scene_number("glass", 1) || !has_feeder();
}

static double largest(bool across)
{
    return (across ? scene_number("width_mm", 304) : scene_number("height_mm", 432)) / MM;
}

static const struct { int size; double width, height; } papers[] = {
    {TWSS_A3, 297, 420}, {TWSS_A4, 210, 297}, {TWSS_A5, 148, 210},
};

static void whole_area(void)
{
    frame = (Frame){fix(0), fix(0), fix(largest(true)), fix(largest(false))};
}

static void have_resolutions(void)
{
    for (uint16_t cap = ICAP_XRESOLUTION; cap <= ICAP_YRESOLUTION; cap++) {
        Held *one = have(cap, TWTY_FIX32, 100, CHOICES(75, 100, 150, 200, 300, 600));
        if (scene_is("resolution", "range")) {
            memcpy(one->values, CHOICES(50, 1200, 1), 3 * sizeof(double));
            one->count = 0;
            one->form = TWON_RANGE;
        }
    }
}

static void have_sizes(void)
{
    Held *one = have(ICAP_SUPPORTEDSIZES, TWTY_UINT16, TWSS_NONE, CHOICES(TWSS_NONE));
    for (size_t place = 0; place < sizeof papers / sizeof *papers; place++)
        if (papers[place].width <= largest(true) * MM + 1 && papers[place].height <= largest(false) * MM + 1)
            one->values[one->count++] = papers[place].size;
    one->form = TWON_ENUMERATION;
}

static void have_feeder(void)
{
    Held *one = have(CAP_FEEDERENABLED, TWTY_BOOL, !has_glass(), has_glass() ? CHOICES(0, 1) : CHOICES(1));
    required(one);
    fixed(CAP_FEEDERLOADED, TWTY_BOOL, 0);
    have(CAP_AUTOFEED, TWTY_BOOL, 1, CHOICES(0, 1));
    fixed(CAP_PAPERDETECTABLE, TWTY_BOOL, scene_number("paper_detectable", 1));
    have(CAP_DOUBLEFEEDDETECTION, TWTY_UINT16, 0, CHOICES(0))->form = TWON_ARRAY;
    fixed(CAP_DUPLEX, TWTY_UINT16, scene_number("duplex", 0));
    if (scene_number("duplex", 0))
        have(CAP_DUPLEXENABLED, TWTY_BOOL, 0, CHOICES(0, 1));
}

static void have_all(void)
{
    int vanilla = scene_number("vanilla", 0);
    caps = 0;
    required(have(CAP_XFERCOUNT, TWTY_INT16, -1, NULL));
    required(have(ICAP_COMPRESSION, TWTY_UINT16, 0, CHOICES(0)));
    required(have(ICAP_PIXELTYPE, TWTY_UINT16, TWPT_BW, CHOICES(TWPT_BW, TWPT_GRAY, TWPT_RGB)));
    required(have(ICAP_UNITS, TWTY_UINT16, TWUN_INCHES, CHOICES(TWUN_INCHES, TWUN_CENTIMETERS)));
    if (scene_has("native_only"))
        required(have(ICAP_XFERMECH, TWTY_UINT16, TWSX_NATIVE, CHOICES(TWSX_NATIVE)));
    else if (scene_has("memory_only"))
        required(have(ICAP_XFERMECH, TWTY_UINT16, TWSX_MEMORY, CHOICES(TWSX_MEMORY)));
    else
        required(have(ICAP_XFERMECH, TWTY_UINT16, TWSX_NATIVE, CHOICES(TWSX_NATIVE, TWSX_MEMORY)));
    have_resolutions();
    have_sizes();
    if (has_feeder())
        have_feeder();
    fixed(ICAP_PHYSICALWIDTH, TWTY_FIX32, largest(true));
    fixed(ICAP_PHYSICALHEIGHT, TWTY_FIX32, largest(false));
    fixed(ICAP_XNATIVERESOLUTION, TWTY_FIX32, 600);
    fixed(ICAP_YNATIVERESOLUTION, TWTY_FIX32, 600);
    fixed(CAP_UICONTROLLABLE, TWTY_BOOL, 1);
    fixed(CAP_DEVICEONLINE, TWTY_BOOL, 1);
    have(CAP_INDICATORS, TWTY_BOOL, 1, CHOICES(0, 1));
    have(ICAP_BITORDER, TWTY_UINT16, TWBO_MSBFIRST, CHOICES(TWBO_MSBFIRST));
    have(ICAP_PIXELFLAVOR, TWTY_UINT16, vanilla, CHOICES(vanilla)); /* CHOCOLATE, or nothing but VANILLA */
    have(ICAP_PLANARCHUNKY, TWTY_UINT16, 0, CHOICES(0));
    have(ICAP_BITDEPTH, TWTY_UINT16, 1, CHOICES(1));
    fixed(CAP_SUPPORTEDCAPS, TWTY_UINT16, 0);
}

/* --- Capabilities --- */

static bool is_length(uint16_t cap)
{
    return cap == ICAP_PHYSICALWIDTH || cap == ICAP_PHYSICALHEIGHT;
}

static double factor(uint16_t cap) /* from inches to the units that are set */
{
    if (now(ICAP_UNITS) != TWUN_CENTIMETERS)
        return 1;
    if (is_length(cap))
        return 2.54;
    return cap >= ICAP_XNATIVERESOLUTION && cap <= ICAP_YRESOLUTION ? 1 / 2.54 : 1;
}

static uint32_t item(const Held *one, double value)
{
    uint32_t bits;
    Fix32 real = fix(value * factor(one->cap));
    if (one->type != TWTY_FIX32)
        return (uint32_t)(int32_t)value;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static double value_of(const Held *one, uint32_t bits)
{
    Fix32 real;
    if (one->type == TWTY_INT16)
        return (int16_t)bits;
    if (one->type != TWTY_FIX32)
        return one->type == TWTY_UINT32 ? bits : (uint16_t)bits;
    memcpy(&real, &bits, sizeof real);
    return inches(real) / factor(one->cap);
}

static int item_size(uint16_t type)
{
    return type == TWTY_FIX32 || type == TWTY_UINT32 ? 4 : 2;
}

static int place_of(const Held *one, double value)
{
    for (int place = 0; place < one->count; place++)
        if (one->values[place] - value < 0.01 && value - one->values[place] < 0.01)
            return place;
    return -1;
}

static HANDLE one_value(const Held *one, double value)
{
    HANDLE handle = allocate(sizeof(OneValue));
    OneValue *into = GlobalLock(handle);
    *into = (OneValue){one->type, item(one, value)};
    GlobalUnlock(handle);
    return handle;
}

static HANDLE range(const Held *one)
{
    HANDLE handle = allocate(sizeof(Range));
    Range *into = GlobalLock(handle);
    *into = (Range){one->type, item(one, one->values[0]), item(one, one->values[1]), item(one, one->values[2]),
                    item(one, one->initial), item(one, one->current)};
    GlobalUnlock(handle);
    return handle;
}

static HANDLE many(const Held *one, bool enumeration)
{
    int size = item_size(one->type);
    HANDLE handle = allocate((enumeration ? sizeof(Enumeration) : sizeof(Array)) + one->count * size);
    Enumeration *choices = GlobalLock(handle);
    Array *array = (Array *)choices;
    array->type = one->type;
    array->count = one->count;
    if (enumeration) {
        choices->current = place_of(one, one->current);
        choices->initial = place_of(one, one->initial);
    }
    for (int place = 0; place < one->count; place++) {
        uint32_t bits = item(one, one->values[place]);
        memcpy((enumeration ? choices->items : array->items) + place * size, &bits, size);
    }
    GlobalUnlock(handle);
    return handle;
}

static HANDLE supported(void)
{
    HANDLE handle = allocate(sizeof(Array) + caps * sizeof(uint16_t));
    Array *array = GlobalLock(handle);
    array->type = TWTY_UINT16;
    array->count = 0;
    for (int place = 0; place < caps; place++)
        if (held[place].required || !scene_has("no_caps"))
            memcpy(array->items + 2 * array->count++, &held[place].cap, 2);
    GlobalUnlock(handle);
    return handle;
}

static int sides(void) /* of all sheets that were laid into the feeder */
{
    return scene_number("feeder", 0) * (now(CAP_DUPLEXENABLED) ? 2 : 1);
}

static bool loaded(void)
{
    return left.fed < sides();
}

static uint16_t get(Capability *asked, Held *one, uint16_t message)
{
    if (one->cap == CAP_FEEDERLOADED)
        one->current = loaded();
    asked->form = message == MSG_GET || one->form == TWON_ARRAY ? one->form : TWON_ONEVALUE;
    if (one->cap == CAP_SUPPORTEDCAPS) {
        asked->form = TWON_ARRAY;
        asked->container = supported();
    } else if (asked->form == TWON_RANGE) {
        asked->container = range(one);
    } else if (asked->form == TWON_ONEVALUE) {
        asked->container = one_value(one, message == MSG_GETDEFAULT ? one->initial : one->current);
    } else {
        asked->container = many(one, asked->form == TWON_ENUMERATION);
    }
    return TWRC_SUCCESS;
}

static void take_paper(int size)
{
    whole_area();
    for (size_t place = 0; place < sizeof papers / sizeof *papers; place++)
        if (papers[place].size == size) {
            frame.right = fix(papers[place].width / MM);
            frame.bottom = fix(papers[place].height / MM);
        }
}

static void set_depth(void)
{
    Held *one = find(ICAP_BITDEPTH);
    one->values[0] = one->current = one->initial = (const double[]){1, 8, 24}[(int)now(ICAP_PIXELTYPE)];
}

static uint16_t take(Held *one, double value)
{
    uint16_t code = TWRC_SUCCESS;
    if (one->form == TWON_RANGE && (value < one->values[0] || value > one->values[1])) {
        value = value < one->values[0] ? one->values[0] : one->values[1];
        code = TWRC_CHECKSTATUS;
    } else if (one->count && place_of(one, value) < 0) {
        return failed(TWCC_BADVALUE);
    } else if (one->cap == CAP_XFERCOUNT && (value == 0 || value < -1)) {
        return failed(TWCC_BADVALUE);
    }
    if (scene_is("lies", "resolution") && (one->cap == ICAP_XRESOLUTION || one->cap == ICAP_YRESOLUTION))
        value = 75;
    one->current = value;
    if (one->cap == ICAP_SUPPORTEDSIZES)
        take_paper((int)value);
    if (one->cap == ICAP_PIXELTYPE)
        set_depth();
    return code;
}

static uint16_t set(const Capability *told, Held *one)
{
    const OneValue *container;
    uint16_t type, code;
    if (one->fixed)
        return failed(TWCC_CAPBADOPERATION);
    container = told->container ? GlobalLock(told->container) : NULL;
    if (!container)
        return illegal("a capability is set to no container", TWCC_BADVALUE);
    type = container->type;
    if (type != one->type)
        code = illegal("a capability is set in another type", TWCC_BADVALUE);
    else if (told->form == TWON_ONEVALUE && one->form != TWON_ARRAY)
        code = take(one, value_of(one, container->item));
    else if (told->form == TWON_ARRAY && one->form == TWON_ARRAY)
        code = TWRC_SUCCESS;
    else
        code = failed(TWCC_BADVALUE);
    GlobalUnlock(told->container);
    return code;
}

static uint16_t capability(uint16_t message, Capability *about)
{
    Held *one = find(about->cap);
    if (state < 4 || (state > 4 && (message == MSG_SET || message == MSG_RESET || message == MSG_RESETALL)))
        return illegal("a capability is asked or set", TWCC_SEQERROR);
    if (!one || (scene_has("no_caps") && !one->required && one->cap != CAP_SUPPORTEDCAPS))
        return failed(TWCC_CAPUNSUPPORTED);
    switch (message) {
    case MSG_GET:
    case MSG_GETCURRENT:
    case MSG_GETDEFAULT:
        return get(about, one, message);
    case MSG_SET:
        return set(about, one);
    case MSG_RESET:
        if (one->fixed)
            return failed(TWCC_CAPBADOPERATION);
        take(one, one->initial);
        return get(about, one, message);
    case MSG_QUERYSUPPORT:
        about->form = TWON_ONEVALUE;
        about->container = one_value(&(Held){.type = TWTY_UINT32}, TWQC_GET | TWQC_GETCURRENT | TWQC_GETDEFAULT |
                                     (one->fixed ? 0 : TWQC_SET | TWQC_RESET));
        return TWRC_SUCCESS;
    default:
        return failed(TWCC_CAPBADOPERATION);
    }
}

/* --- The area --- */

static Fix32 scaled(Fix32 side, double by)
{
    return fix(inches(side) * by);
}

static Frame in_units(Frame from, double by)
{
    return (Frame){scaled(from.left, by), scaled(from.top, by), scaled(from.right, by), scaled(from.bottom, by)};
}

static uint16_t layout(uint16_t message, ImageLayout *about)
{
    double units = factor(ICAP_PHYSICALWIDTH);
    Frame wanted;
    uint16_t code = TWRC_SUCCESS;
    if (state < 4 || state > 6 || (state > 4 && (message == MSG_SET || message == MSG_RESET)))
        return illegal("the layout is asked or set", TWCC_SEQERROR);
    if (message == MSG_SET) {
        wanted = in_units(about->frame, 1 / units);
        if (inches(wanted.right) <= inches(wanted.left) || inches(wanted.bottom) <= inches(wanted.top))
            return failed(TWCC_BADVALUE);
        if (inches(wanted.right) > largest(true) + 0.001 || inches(wanted.bottom) > largest(false) + 0.001) {
            whole_area();
            code = TWRC_CHECKSTATUS;
        } else {
            frame = wanted;
        }
        find(ICAP_SUPPORTEDSIZES)->current = TWSS_NONE;
    } else if (message == MSG_RESET || message == MSG_GETDEFAULT) {
        whole_area();
    }
    *about = (ImageLayout){in_units(frame, units), 1, left.fed + 1, 1};
    return code;
}

/* --- Pages --- */

static bool by_feeder(void)
{
    return now(CAP_FEEDERENABLED) != 0;
}

static int page(void)
{
    return (by_feeder() ? left.fed : left.laid) + 1;
}

static bool strange(const char *what)
{
    return scene_is("wrong", what) && page() >= scene_number("wrong_at", 1);
}

static void measure(void)
{
    double across = inches(frame.right) - inches(frame.left), down = inches(frame.bottom) - inches(frame.top);
    int type = (int)now(ICAP_PIXELTYPE);
    if (scene_has("pages_differ"))
        down -= (page() - 1) * 10 / MM;
    width = (int)(across * now(ICAP_XRESOLUTION) + 0.5);
    height = (int)(down * now(ICAP_YRESOLUTION) + 0.5);
    depth = (const int[]){1, 8, 24}[type];
    channels = type == TWPT_RGB ? 3 : 1;
    row_bytes = (width * depth + 31) / 32 * 4;
    line = 0;
}

static uint8_t value_at(int x, int y, int channel)
{
    return (uint8_t)(x * 3 + y * 5 + page() * 40 + channel * 60);
}

/* Line y as it is transferred; `blue_first` as Windows bitmaps have it. */
static void draw(uint8_t *into, int y, bool blue_first)
{
    bool vanilla = now(ICAP_PIXELFLAVOR) == TWPF_VANILLA && !(blue_first && depth == 24);
    memset(into, 0, row_bytes);
    for (int x = 0; x < width; x++) {
        if (depth == 1) {
            if ((value_at(x, y, 0) >= 128) != vanilla)
                into[x / 8] |= 0x80 >> x % 8;
            continue;
        }
        for (int channel = 0; channel < channels; channel++) {
            int place = blue_first ? channels - 1 - channel : channel;
            into[x * channels + place] = value_at(x, y, channel) ^ (vanilla ? 255 : 0);
        }
    }
}

/* The condition code of what goes wrong with this page, once; 0 for nothing. */
static uint16_t fault(void)
{
    static const struct { const char *key; uint16_t code; } faults[] = {
        {"jam_at", TWCC_PAPERJAM}, {"double_feed_at", TWCC_PAPERDOUBLEFEED}, {"cover_open_at", TWCC_INTERLOCK},
        {"offline_at", TWCC_CHECKDEVICEONLINE}, {"low_memory_at", TWCC_LOWMEMORY},
        {"operation_error_at", TWCC_OPERATIONERROR},
    };
    for (size_t place = 0; place < sizeof faults / sizeof *faults; place++)
        if (scene_number(faults[place].key, 0) == page() && !(left.faults & 1 << place)) {
            left.faults |= 1 << place;
            scene_leave(left);
            return faults[place].code;
        }
    return TWCC_SUCCESS;
}

/* What befalls a page in the middle: failure, cancelling, a hang, a crash. TWRC_SUCCESS for nothing. */
static uint16_t befallen(void)
{
    uint16_t code = fault();
    if (scene_number("hang_at", 1) == page() && scene_is("hang_in", "transfer"))
        hang();
    if (scene_number("crash_at", 1) == page() && scene_is("crash_in", "transfer"))
        crash();
    if (scene_number("cancel_at", 0) == page() && !(left.faults & 1 << 15)) {
        left.faults |= 1 << 15;
        scene_leave(left);
        return TWRC_CANCEL;
    }
    return code ? failed(code) : TWRC_SUCCESS;
}

static uint16_t image_info(ImageInfo *into)
{
    double units = factor(ICAP_XRESOLUTION);
    if (state < 6)
        return illegal("a page is asked for its size", TWCC_SEQERROR);
    *into = (ImageInfo){fix(now(ICAP_XRESOLUTION) * units), fix(now(ICAP_YRESOLUTION) * units), width, height, channels,
                        {0}, depth, 0, (int16_t)now(ICAP_PIXELTYPE), 0};
    for (int channel = 0; channel < channels; channel++)
        into->bits_per_sample[channel] = depth / channels;
    if (strange("bad_size"))
        into->width = -5;
    if (strange("bad_bits"))
        into->bits_per_pixel = 13;
    if (strange("height_unknown"))
        into->height = -1;
    return TWRC_SUCCESS;
}

static uint16_t strip_sizes(SetupMemXfer *into)
{
    if (state < 4 || state > 6)
        return illegal("strips are asked for their size", TWCC_SEQERROR);
    *into = (SetupMemXfer){row_bytes ? row_bytes : 1, MOST_STRIP, PREFERRED_STRIP};
    return TWRC_SUCCESS;
}

static uint16_t strip(ImageMemXfer *into)
{
    int rows;
    uint16_t code;
    Memory memory = into->memory;
    if (state < 6 || line < 0 || now(ICAP_XFERMECH) != TWSX_MEMORY)
        return illegal("a strip is asked for", TWCC_SEQERROR);
    if (!(memory.flags & TWMF_APPOWNS) || !(memory.flags & TWMF_POINTER) || !memory.address)
        return illegal("a strip has no memory", TWCC_BADVALUE);
    if (memory.length < (uint32_t)row_bytes || memory.length > MOST_STRIP)
        return illegal("a strip's memory is too small or too large", TWCC_BADVALUE);
    if (line >= height / 2 && (code = befallen()) != TWRC_SUCCESS) {
        if (code == TWRC_CANCEL)
            state = 7;
        line = BROKEN;
        return code;
    }
    state = 7;
    rows = (int)(memory.length / row_bytes);
    if (strange("no_end") && line >= height)
        line = 0;
    if (rows > height - line)
        rows = height - line;
    if (strange("zero"))
        rows = 0;
    for (int y = 0; y < rows; y++)
        draw(memory.address + (size_t)y * row_bytes, line + y, false);
    *into = (ImageMemXfer){0, row_bytes, width, rows, 0, line, rows * row_bytes, memory};
    if (strange("huge_strip"))
        into->written = into->rows = memory.length + 4096;
    line += rows;
    if (strange("no_end") || strange("zero") || (line < height && !(strange("short_strips") && line >= height / 2)))
        return TWRC_SUCCESS;
    line = THROUGH;
    return TWRC_XFERDONE;
}

static uint16_t whole(HANDLE *into)
{
    uint16_t code;
    int colours = depth == 24 ? 0 : 1 << depth;
    BITMAPINFOHEADER *head;
    RGBQUAD *palette;
    uint8_t *pixels;
    if (state != 6 || now(ICAP_XFERMECH) != TWSX_NATIVE)
        return illegal("a whole page is asked for", TWCC_SEQERROR);
    if ((code = befallen()) != TWRC_SUCCESS) {
        if (code == TWRC_CANCEL)
            state = 7;
        line = BROKEN;
        return code;
    }
    *into = allocate(sizeof *head + colours * sizeof *palette + row_bytes * height);
    if (!*into)
        return failed(TWCC_LOWMEMORY);
    head = GlobalLock(*into);
    *head = (BITMAPINFOHEADER){sizeof *head, width, height, 1, depth, BI_RGB, row_bytes * height,
                               (LONG)(now(ICAP_XRESOLUTION) / 0.0254 + 0.5), (LONG)(now(ICAP_YRESOLUTION) / 0.0254 + 0.5),
                               colours, 0};
    palette = (RGBQUAD *)(head + 1);
    for (int colour = 0; colour < colours; colour++) {
        uint8_t grey = (uint8_t)(colour * 255 / (colours - 1));
        if (now(ICAP_PIXELFLAVOR) == TWPF_VANILLA) /* as real ones do: in a bitmap the palette tells */
            grey = 255 - grey;
        palette[colour] = (RGBQUAD){grey, grey, grey, 0};
    }
    pixels = (uint8_t *)(palette + colours);
    for (int y = 0; y < height; y++)
        draw(pixels + (size_t)(height - 1 - y) * row_bytes, y, true);
    if (strange("bad_dib")) {
        head->biBitCount = 24;
        head->biWidth = 30000;
        head->biHeight = 30000;
    }
    if (strange("short_strips"))
        head->biHeight = 4 * height;
    GlobalUnlock(*into);
    state = 7;
    line = THROUGH;
    return TWRC_XFERDONE;
}

static int pending(void)
{
    int wanted = (int)now(CAP_XFERCOUNT), rest = sides() - left.fed;
    if (!by_feeder() || line == BROKEN) /* a feeder stops where something went wrong */
        return 0;
    if (wanted > 0 && rest > wanted - given)
        rest = wanted - given;
    return rest > 0 && scene_is("count", "unknown") ? 0xFFFF : rest;
}

/* --- Sessions --- */

static void say(uint16_t message)
{
    Identity to = client;
    if (!manager.size || manager.entry(&own, &to, DG_CONTROL, DAT_NULL, message, NULL) != TWRC_SUCCESS)
        PostMessageW(window, posted, message, 0);
}

static void ready(void)
{
    measure();
    state = 6;
    say(MSG_XFERREADY);
}

static DWORD WINAPI later(void *nothing)
{
    (void)nothing;
    Sleep(scene_number("ready_ms", 0));
    ready();
    return 0;
}

static uint16_t enable(const UserInterface *interface)
{
    bool empty = by_feeder() && !loaded();
    if (state != 4)
        return illegal("enabled", TWCC_SEQERROR);
    if (!IsWindow(interface->parent))
        return illegal("enabled without a parent window", TWCC_BADVALUE);
    fate("enable");
    if (empty && !interface->show)
        return failed(TWCC_NOMEDIA);
    window = interface->parent;
    shown = interface->show;
    given = 0;
    state = 5;
    if (scene_is("hang_in", "never_ready"))
        return TWRC_SUCCESS;
    if (empty || scene_has("close_request"))
        say(MSG_CLOSEDSREQ);
    else if (scene_has("ready_ms"))
        readier = CreateThread(NULL, 0, later, NULL, 0, NULL);
    else
        ready();
    return TWRC_SUCCESS;
}

static uint16_t disable(void)
{
    if (state != 5)
        return illegal("disabled", TWCC_SEQERROR);
    if (readier) {
        WaitForSingleObject(readier, 5000);
        CloseHandle(readier);
        readier = NULL;
    }
    state = 4;
    return TWRC_SUCCESS;
}

/* Between pages: a person at the driver's window lays another on the glass, or closes the window. */
static void person(void)
{
    if (!shown)
        return;
    if (!by_feeder() && given < scene_number("window_pages", 1))
        ready();
    else
        say(MSG_CLOSEDSREQ);
}

static uint16_t pages(uint16_t message, PendingXfers *into)
{
    if (message == MSG_GET) {
        *into = (PendingXfers){(uint16_t)(state < 6 ? 0 : pending()), 0};
        return TWRC_SUCCESS;
    }
    if (message != MSG_ENDXFER && message != MSG_RESET && message != MSG_STOPFEEDER)
        return illegal("an unknown message about pages", TWCC_BADPROTOCOL);
    if (state < 6 || (state == 7 && message != MSG_ENDXFER))
        return illegal("pages are ended", TWCC_SEQERROR);
    if (message == MSG_ENDXFER && line != BROKEN) { /* taken, or thrown away */
        given++;
        ++*(by_feeder() ? &left.fed : &left.laid);
        scene_leave(left);
    }
    *into = (PendingXfers){(uint16_t)(message == MSG_ENDXFER ? pending() : 0), 0};
    state = into->count ? 6 : 5;
    if (state == 6)
        measure();
    else
        person();
    return TWRC_SUCCESS;
}

static uint16_t event(Event *about)
{
    if (state < 5)
        return illegal("shown a message", TWCC_SEQERROR);
    about->message = MSG_NULL;
    if (!about->event || about->event->message != posted || about->event->hwnd != window)
        return TWRC_NOTDSEVENT;
    about->message = (uint16_t)about->event->wParam;
    return TWRC_DSEVENT;
}

static uint16_t open(Identity *origin, const Identity *as)
{
    if (state != 3)
        return illegal("opened", TWCC_SEQERROR);
    fate("open");
    if (scene_number("busy", 0))
        return failed(TWCC_MAXCONNECTIONS);
    if (scene_number("offline", 0))
        return failed(TWCC_CHECKDEVICEONLINE);
    client = *origin;
    own = *as;
    posted = RegisterWindowMessageW(L"virtual scanner");
    left = scene_left();
    have_all();
    set_depth();
    whole_area();
    width = height = row_bytes = 0;
    state = 4;
    return TWRC_SUCCESS;
}

static uint16_t close(void)
{
    if (state != 4)
        return illegal("closed", TWCC_SEQERROR);
    state = 3;
    manager.size = 0;
    return TWRC_SUCCESS;
}

static uint16_t identify(Identity *into)
{
    wchar_t path[1024];
    GetModuleFileNameW(self, path, 1000);
    number = (int)wcstol(wcsrchr(path, L'\\') + 1 + wcslen(L"source"), NULL, 10);
    *into = (Identity){0, {1, 0, 13, 1, "1.0"}, 2, 5, DG_CONTROL | DG_IMAGE | DF_DS2, "Sohoa", "Virtual", ""};
    snprintf(into->product, sizeof into->product, "Virtual Scanner %d", number);
    scene_read(number);
    return TWRC_SUCCESS;
}

static uint16_t words(StatusUtf8 *about)
{
    const char *said = about->status.condition == TWCC_OPERATIONERROR ? "Đèn quét đã cháy" : "";
    if (!*said)
        return TWRC_FAILURE;
    about->size = (uint32_t)strlen(said) + 1;
    about->text = allocate(about->size);
    strcpy(GlobalLock(about->text), said);
    GlobalUnlock(about->text);
    return TWRC_SUCCESS;
}

static uint16_t control(Identity *origin, uint16_t dat, uint16_t message, void *data)
{
    switch (dat) {
    case DAT_IDENTITY:
        return message == MSG_GET ? identify(data) : message == MSG_OPENDS ? open(origin, data) : close();
    case DAT_ENTRYPOINT:
        manager = *(EntryPoint *)data;
        return TWRC_SUCCESS;
    case DAT_CAPABILITY:
        return capability(message, data);
    case DAT_USERINTERFACE:
        if (message != MSG_ENABLEDS && message != MSG_DISABLEDS)
            return failed(TWCC_BADPROTOCOL);
        return message == MSG_ENABLEDS ? enable(data) : disable();
    case DAT_EVENT:
        return event(data);
    case DAT_PENDINGXFERS:
        return pages(message, data);
    case DAT_SETUPMEMXFER:
        return strip_sizes(data);
    case DAT_XFERGROUP:
        *(uint32_t *)data = DG_IMAGE;
        return message == MSG_GET ? TWRC_SUCCESS : failed(TWCC_BADPROTOCOL);
    default:
        return illegal("an unknown kind of data", TWCC_BADPROTOCOL);
    }
}

__declspec(dllexport) uint16_t WINAPI DS_Entry(
    Identity *origin, uint32_t group, uint16_t dat, uint16_t message, void *data)
{
    if (dat == DAT_STATUS) {
        *(Status *)data = (Status){condition, 0};
        condition = TWCC_SUCCESS;
        return TWRC_SUCCESS;
    }
    if (dat == DAT_STATUSUTF8)
        return words(data);
    condition = TWCC_SUCCESS;
    if (group == DG_CONTROL)
        return control(origin, dat, message, data);
    switch (dat) {
    case DAT_IMAGEINFO:
        return image_info(data);
    case DAT_IMAGELAYOUT:
        return layout(message, data);
    case DAT_IMAGEMEMXFER:
        return strip(data);
    case DAT_IMAGENATIVEXFER:
        return whole(data);
    default:
        return illegal("an unknown kind of data", TWCC_BADPROTOCOL);
    }
}
