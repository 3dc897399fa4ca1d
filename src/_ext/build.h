/* What this build is: told by build_flavor(). */
#ifndef AEGIS_BUILD_H
#define AEGIS_BUILD_H

#if AEGIS_SANITIZED
#define AEGIS_BUILD "sanitized"
#elif AEGIS_CHECKED
#define AEGIS_BUILD "checked"
#else
#define AEGIS_BUILD "release"
#endif

#if defined(__clang__)
#define AEGIS_COMPILER "clang " __clang_version__
#else
#define AEGIS_COMPILER "gcc " __VERSION__
#endif

#endif
