/* The dashboard's files, as they are linked into the program.
 *
 * The table is generated: tools/build-dashboard builds web/ and writes the C file that defines it
 * (web/meson.build makes it the meson variable `dashboard_c`, a source of this room). Without npm, or with
 * -Ddashboard=disabled, the table holds one plain page that says that the program was built without its
 * dashboard; it is never empty.
 *
 * Every file is held gzip'd only. A client that does not accept gzip is rare enough that the server inflates
 * for it. `etag` is a strong one, quotes included, and made from the file's contents: the same contents have
 * the same tag in every build. `immutable` files have a hash of their contents in their name and may be
 * cached for ever; the others must be asked for anew. The table is sorted by path (strcmp), "/index.html" is
 * always there, and answers "/". */
#ifndef GW_SERVE_ASSETS_H
#define GW_SERVE_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct gw_asset {
    const char *path;         /* as in the request, with the leading slash: "/assets/index-3fb2a1c0.js" */
    const char *content_type; /* with charset where it has one */
    const char *etag;
    const unsigned char *gzip;
    size_t gzip_len;
    bool immutable;
} gw_asset;

extern const gw_asset gw_assets[];
extern const size_t gw_n_assets;

#endif
