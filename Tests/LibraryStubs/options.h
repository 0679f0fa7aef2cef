// Options of the stand-ins for vendors' libraries. They come from the environment as STUB_<NAME>, or from
// Stub_Set(name, value) at any time.
#include <stddef.h>

// Sets an option.
void Stub_Set(const char *name, const char *value);
// The value of an option as a text.
void option(const char *name, const char *otherwise, char *value, size_t size);
// The value of an option as a number.
double numberOption(const char *name, double otherwise);
// The time of a clock that only runs forward.
double now_s(void);
