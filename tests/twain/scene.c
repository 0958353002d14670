/* The scene: what is asked of the virtual scanner, what it complains of, and what it remembers from session to session. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twaintest.h"

#define LINES 64
#define LENGTH 80

static char keys[LINES][LENGTH], values[LINES][LENGTH];
static int lines, own;

static FILE *beside(const wchar_t *name, const wchar_t *mode)
{
    wchar_t path[1024] = L"";
    GetEnvironmentVariableW(L"SOHOA_TWAIN_SCENE", path, 1000);
    if (name) {
        wchar_t *last = wcsrchr(path, L'\\'), *other = wcsrchr(path, L'/');
        last = !last || (other && other > last) ? other : last;
        wcscpy(last ? last + 1 : path, name);
    }
    return _wfopen(path, mode);
}

void scene_read(int source)
{
    FILE *file = beside(NULL, L"r");
    char line[2 * LENGTH];
    lines = 0;
    own = source;
    while (file && lines < LINES && fgets(line, sizeof line, file)) {
        if (sscanf(line, " %79[^= ] = %79[^\r\n]", keys[lines], values[lines]) == 2)
            lines++;
    }
    if (file)
        fclose(file);
}

static const char *found(const char *key)
{
    char numbered[LENGTH];
    const char *value = NULL;
    snprintf(numbered, sizeof numbered, "%d.%s", own, key);
    for (int line = 0; line < lines; line++) {
        if (!strcmp(keys[line], numbered))
            return values[line];
        if (!strcmp(keys[line], key))
            value = values[line];
    }
    return value;
}

int scene_number(const char *key, int otherwise)
{
    const char *value = found(key);
    return value ? atoi(value) : otherwise;
}

bool scene_is(const char *key, const char *value)
{
    const char *given = found(key);
    return given && !strcmp(given, value);
}

bool scene_has(const char *key)
{
    return found(key) != NULL;
}

void scene_log(const char *format, ...)
{
    FILE *file = beside(L"scene.log", L"a");
    va_list arguments;
    if (!file)
        return;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fputs("\n", file);
    fclose(file);
}

Left scene_left(void)
{
    FILE *file = beside(L"scene.left", L"r");
    Left left = {0, 0, 0};
    if (file) {
        if (fscanf(file, "fed=%d laid=%d faults=%d", &left.fed, &left.laid, &left.faults) != 3)
            left = (Left){0, 0, 0};
        fclose(file);
    }
    return left;
}

void scene_leave(Left left)
{
    FILE *file = beside(L"scene.left", L"w");
    if (file) {
        fprintf(file, "fed=%d laid=%d faults=%d\n", left.fed, left.laid, left.faults);
        fclose(file);
    }
}
