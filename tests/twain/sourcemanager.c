/* A TWAIN source manager for the tests: strict where real ones forgive, so that a client's faults come to light.
 *
 * Whatever the specification does not allow is answered TWCC_SEQERROR (or the code that fits) and written into scene.log, as
 * is memory that a client never gave back. With callback=0 in the scene it is a manager of version 1: no entry points,
 * no callbacks. */
#include <stdio.h>
#include <string.h>

#include "twaintest.h"

#define MOST_SOURCES 8

static HINSTANCE self;
static HWND parent;
static Identity client; /* id 0: the manager is not open */
static int listed;      /* sources told by GETFIRST and GETNEXT so far */
static uint16_t condition;
static LONG handles;

static struct {
    Identity identity; /* id 0: no source is open */
    HMODULE library;
    SourceEntry entry;
    Callback callback;
} opened;

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH)
        self = instance;
    return TRUE;
}

uint16_t WINAPI DSM_Entry(Identity *origin, Identity *target, uint32_t group, uint16_t dat, uint16_t message, void *data);

/* --- Memory --- */

static HANDLE WINAPI allocate(uint32_t size)
{
    HANDLE handle = GlobalAlloc(GMEM_MOVEABLE | GMEM_ZEROINIT, size);
    if (handle)
        InterlockedIncrement(&handles);
    return handle;
}

static void WINAPI release(HANDLE handle)
{
    if (!handle || GlobalFree(handle))
        scene_log("memory: freed what is no handle");
    else
        InterlockedDecrement(&handles);
}

static void *WINAPI lock(HANDLE handle)
{
    return GlobalLock(handle);
}

static void WINAPI unlock(HANDLE handle)
{
    GlobalUnlock(handle);
}

static void entry_points(EntryPoint *points)
{
    *points = (EntryPoint){sizeof *points, DSM_Entry, allocate, release, lock, unlock};
}

/* --- Answers --- */

static uint16_t failed(uint16_t code)
{
    condition = code;
    return TWRC_FAILURE;
}

static uint16_t illegal(const char *why, uint16_t code, uint32_t group, uint16_t dat, uint16_t message)
{
    scene_log("manager: %s: DG %x DAT %x MSG %x", why, (unsigned)group, dat, message);
    return failed(code);
}

/* --- Sources --- */

static bool load(int number, HMODULE *library, SourceEntry *entry, Identity *identity)
{
    wchar_t path[1024];
    Identity caller = client;
    GetModuleFileNameW(self, path, 1000);
    _snwprintf(wcsrchr(path, L'\\') + 1, 20, SOURCE_FILE, number);
    *library = LoadLibraryW(path);
    *entry = *library ? (SourceEntry)(void *)GetProcAddress(*library, "DS_Entry") : NULL;
    return *entry && (*entry)(&caller, DG_CONTROL, DAT_IDENTITY, MSG_GET, identity) == TWRC_SUCCESS;
}

static uint16_t list(Identity *into, int number)
{
    HMODULE library;
    SourceEntry entry;
    scene_read(0);
    if (number > scene_number("sources", 1))
        return TWRC_ENDOFLIST;
    if (!load(number, &library, &entry, into))
        return failed(TWCC_BUMMER);
    FreeLibrary(library);
    into->id = 100 + number;
    listed = number;
    return TWRC_SUCCESS;
}

static int number_of(const Identity *wanted)
{
    Identity candidate;
    for (int number = 1; number <= MOST_SOURCES && list(&candidate, number) == TWRC_SUCCESS; number++) {
        if (!strcmp(candidate.product, wanted->product))
            return number;
    }
    return 0;
}

static uint16_t open_source(Identity *wanted)
{
    int number = number_of(wanted);
    Identity caller = client, identity;
    EntryPoint points;
    uint16_t code;
    if (!number || !load(number, &opened.library, &opened.entry, &identity))
        return failed(TWCC_NODS);
    if (client.groups & DF_DSM2) {
        entry_points(&points);
        opened.entry(&caller, DG_CONTROL, DAT_ENTRYPOINT, MSG_SET, &points);
    }
    identity.id = 100 + number;
    code = opened.entry(&caller, DG_CONTROL, DAT_IDENTITY, MSG_OPENDS, &identity);
    if (code != TWRC_SUCCESS) {
        Status status = {0, 0};
        opened.entry(&caller, DG_CONTROL, DAT_STATUS, MSG_GET, &status);
        FreeLibrary(opened.library);
        return failed(status.condition);
    }
    memset(&opened.callback, 0, sizeof opened.callback);
    *wanted = opened.identity = identity;
    return code;
}

static uint16_t close_source(const Identity *wanted)
{
    Identity caller = client;
    uint16_t code;
    if (wanted->id != opened.identity.id)
        return failed(TWCC_NODS);
    code = opened.entry(&caller, DG_CONTROL, DAT_IDENTITY, MSG_CLOSEDS, &opened.identity);
    if (code == TWRC_SUCCESS) {
        opened.identity.id = 0;
        FreeLibrary(opened.library);
    } else {
        condition = TWCC_SEQERROR;
    }
    return code;
}

/* --- What is for the manager itself --- */

static uint16_t open_manager(Identity *origin, const HWND *window)
{
    if (client.id)
        return illegal("open twice", TWCC_MAXCONNECTIONS, DG_CONTROL, DAT_PARENT, MSG_OPENDSM);
    if (!window || !IsWindow(*window))
        return illegal("no parent window", TWCC_BADVALUE, DG_CONTROL, DAT_PARENT, MSG_OPENDSM);
    if (!(origin->groups & DG_CONTROL) || !(origin->groups & DG_IMAGE) || !origin->product[0] || !origin->protocol_major)
        return illegal("incomplete identity", TWCC_BADVALUE, DG_CONTROL, DAT_PARENT, MSG_OPENDSM);
    scene_read(0);
    parent = *window;
    handles = 0;
    origin->id = 1;
    if (origin->groups & DF_APP2 && scene_number("callback", 1))
        origin->groups |= DF_DSM2;
    client = *origin;
    return TWRC_SUCCESS;
}

static uint16_t close_manager(const HWND *window)
{
    if (opened.identity.id)
        return illegal("a source is open", TWCC_SEQERROR, DG_CONTROL, DAT_PARENT, MSG_CLOSEDSM);
    if (!window || *window != parent)
        scene_log("manager: closed with another parent");
    if (handles)
        scene_log("memory: %ld handles never freed", (long)handles);
    client.id = 0;
    return TWRC_SUCCESS;
}

static uint16_t for_manager(Identity *origin, uint32_t group, uint16_t dat, uint16_t message, void *data)
{
    if (dat == DAT_STATUS && message == MSG_GET) {
        *(Status *)data = (Status){condition, 0};
        condition = TWCC_SUCCESS;
        return TWRC_SUCCESS;
    }
    condition = TWCC_SUCCESS;
    if (dat == DAT_PARENT && message == MSG_OPENDSM)
        return open_manager(origin, data);
    if (!client.id)
        return illegal("not open", TWCC_SEQERROR, group, dat, message);
    if (dat == DAT_PARENT && message == MSG_CLOSEDSM)
        return close_manager(data);
    if (dat == DAT_ENTRYPOINT && message == MSG_GET) {
        if (!(client.groups & DF_DSM2) || ((EntryPoint *)data)->size != sizeof(EntryPoint))
            return illegal("no entry points", TWCC_BADPROTOCOL, group, dat, message);
        entry_points(data);
        return TWRC_SUCCESS;
    }
    if (dat != DAT_IDENTITY)
        return illegal("unknown", TWCC_BADPROTOCOL, group, dat, message);
    switch (message) {
    case MSG_GETFIRST:
        return list(data, 1) == TWRC_SUCCESS ? TWRC_SUCCESS : failed(TWCC_NODS);
    case MSG_GETNEXT:
        return list(data, listed + 1);
    case MSG_GETDEFAULT:
        return list(data, 1) == TWRC_SUCCESS ? TWRC_SUCCESS : failed(TWCC_NODS);
    case MSG_USERSELECT:
        return TWRC_CANCEL;
    case MSG_OPENDS:
        return opened.identity.id ? illegal("a source is open", TWCC_SEQERROR, group, dat, message) : open_source(data);
    case MSG_CLOSEDS:
        return opened.identity.id ? close_source(data) : illegal("no source is open", TWCC_SEQERROR, group, dat, message);
    default:
        return illegal("unknown", TWCC_BADPROTOCOL, group, dat, message);
    }
}

/* --- What passes between a source and the client --- */

static uint16_t from_source(Identity *origin, uint16_t message)
{
    ManagerEntry tell = (ManagerEntry)opened.callback.function;
    return tell ? tell(origin, &client, DG_CONTROL, DAT_NULL, message, NULL) : TWRC_FAILURE;
}

static uint16_t for_source(Identity *origin, Identity *target, uint32_t group, uint16_t dat, uint16_t message, void *data)
{
    if (!opened.identity.id)
        return illegal("no source is open", TWCC_SEQERROR, group, dat, message);
    if (target->id != opened.identity.id)
        return illegal("another source", TWCC_BADDEST, group, dat, message);
    if (dat == DAT_CALLBACK && message == MSG_REGISTER_CALLBACK) {
        if (!(client.groups & DF_DSM2))
            return illegal("no callbacks", TWCC_BADPROTOCOL, group, dat, message);
        opened.callback = *(Callback *)data;
        return TWRC_SUCCESS;
    }
    return opened.entry(origin, group, dat, message, data);
}

__declspec(dllexport) uint16_t WINAPI DSM_Entry(
    Identity *origin, Identity *target, uint32_t group, uint16_t dat, uint16_t message, void *data)
{
    if (!origin)
        return illegal("no origin", TWCC_BADPROTOCOL, group, dat, message);
    if (dat == DAT_NULL && origin->id == opened.identity.id)
        return from_source(origin, message);
    if (client.id && origin->id != client.id)
        return illegal("another client", TWCC_BADPROTOCOL, group, dat, message);
    if (!data)
        return illegal("no data", TWCC_BADVALUE, group, dat, message);
    return target ? for_source(origin, target, group, dat, message, data) : for_manager(origin, group, dat, message, data);
}
