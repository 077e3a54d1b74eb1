#include "present/html.h"

#include "base/utf8.h"

const char *const gw_part_names[GW_N_PARTS] = {"used", "wasted", "idle", "unknown", "overhead"};

/* Two palettes, one for each colour scheme; h0..h9 is the utilisation ramp, from nothing to all. */
const char gw_html_style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b2026;--dim:#5b6570;--line:#d5dbe1;--card:#f5f7f9;"
    "--used:#1f7a4d;--wasted:#d9822b;--idle:#c23b3b;--unknown:#8a939c;--overhead:#5a6fb0;--link:#1a5fb4;"
    "--h0:#f3e3d3;--h1:#ead9c0;--h2:#dcd3ae;--h3:#c4cda4;--h4:#a5c49d;--h5:#83b996;--h6:#5fab8d;--h7:#3f9981;"
    "--h8:#248472;--h9:#0f6b60}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161b;--fg:#e6eaee;--dim:#9aa5b1;--line:#2c343d;"
    "--card:#1a2027;--used:#4fbf85;--wasted:#e8a04e;--idle:#e46a6a;--unknown:#7a848e;--overhead:#8ea2e0;"
    "--link:#78aeff;--h0:#3a2a20;--h1:#433425;--h2:#47402a;--h3:#444b30;--h4:#3d583b;--h5:#35674a;--h6:#"
    "31795b;"
    "--h7:#318d6e;--h8:#3aa482;--h9:#55c29b}}\n"
    "*{box-sizing:border-box}body{margin:0 "
    "auto;max-width:76rem;padding:1.5rem;background:var(--bg);color:var(--fg);"
    "font:15px/1.5 system-ui,sans-serif}h1{font-size:1.6rem;margin:0 0 "
    ".3rem}h2{font-size:1.15rem;margin:2rem 0 .6rem}"
    "p{margin:.3rem 0}.dim,caption,figcaption{color:var(--dim)}.note{border-left:4px solid var(--wasted);"
    "background:var(--card);padding:.6rem 1rem;margin:1rem 0}.note h2{margin:0}.note ul{margin:.3rem "
    "0;padding-left:1.2rem}\n"
    "dl.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.7rem;margin:1rem "
    "0}"
    "dl.tiles div{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem}"
    "dl.tiles dt{color:var(--dim)}dl.tiles dd{margin:0}dd.big{font-size:1.25rem;font-weight:600;"
    "font-variant-numeric:tabular-nums}\n"
    "figure{margin:1rem "
    "0}svg{display:block;width:100%;height:auto}svg.defs{position:absolute;width:0;height:0}svg "
    "text{font:11px system-ui,sans-serif;"
    "fill:var(--fg)}svg text.dim{fill:var(--dim)}.scroll{overflow-x:auto}.scroll:focus{outline:2px solid "
    "var(--link)}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}caption{text-align:left;"
    "padding:.3rem 0}th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:left;"
    "vertical-align:top}th{white-space:nowrap}td.n,th.n{text-align:right;white-space:nowrap}"
    "summary{cursor:pointer;color:var(--link)}code{font-family:ui-monospace,monospace}\n"
    ".used{fill:var(--used)}.wasted{fill:var(--wasted)}.idle{fill:var(--idle)}.unknown{fill:url(#hatch)}"
    ".overhead{fill:var(--overhead)}.hatch-bg{fill:var(--card)}.hatch-line{stroke:var(--unknown);stroke-"
    "width:1.5}"
    ".h0{fill:var(--h0)}.h1{fill:var(--h1)}.h2{fill:var(--h2)}.h3{fill:var(--h3)}.h4{fill:var(--h4)}"
    ".h5{fill:var(--h5)}.h6{fill:var(--h6)}.h7{fill:var(--h7)}.h8{fill:var(--h8)}.h9{fill:var(--h9)}"
    ".frame{fill:none;stroke:var(--line)}.high{color:var(--idle);font-weight:600}.medium{color:var(--wasted)}"
    "\n"
    "@media print{body{max-width:none}.scroll{overflow:visible}}\n";

void gw_html_text(gw_buf *b, const char *s)
{
    gw_str text = gw_str_of(s ? s : "–");
    for (size_t at = 0; at < text.n;) {
        char bytes[4];
        uint32_t c = gw_utf8_next(text, &at);
        /* what XML 1.0 does not take, and marks that turn the direction of what follows */
        if (gw_utf8_is_control(c) && c != '\n' && c != '\t')
            c = GW_UTF8_REPLACEMENT;
        if (c == 0xFFFE || c == 0xFFFF)
            c = GW_UTF8_REPLACEMENT;
        if (c == '<')
            gw_buf_puts(b, "&lt;");
        else if (c == '>')
            gw_buf_puts(b, "&gt;");
        else if (c == '&')
            gw_buf_puts(b, "&amp;");
        else if (c == '"')
            gw_buf_puts(b, "&quot;");
        else if (c == '\'')
            gw_buf_puts(b, "&#39;");
        else
            gw_buf_add(b, bytes, gw_utf8_put(c, bytes));
    }
}

gw_parts gw_parts_of(const gw_row *row)
{
    gw_parts p = {.dollars = row->cost.priced};
    const gw_cost *c = &row->cost;
    const gw_gpu_time *t = &row->time;
    if (p.dollars) {
        const gw_micro m[GW_N_PARTS] = {c->used, c->wasted, c->idle, c->unknown, c->overhead};
        for (size_t i = 0; i < GW_N_PARTS; i++)
            p.part[i] = (double)m[i] / (double)GW_USD;
    } else {
        double hour = (double)GW_HOUR_MS;
        p.part[GW_PART_USED] = t->used / hour;
        p.part[GW_PART_IDLE] = t->idle / hour;
        p.part[GW_PART_UNKNOWN] = t->unknown / hour;
        p.part[GW_PART_WASTED] = GW_MAX(t->paid - t->used - t->idle - t->unknown, 0) / hour;
    }
    for (size_t i = 0; i < GW_N_PARTS; i++) {
        p.part[i] = GW_MAX(p.part[i], 0);
        p.whole += p.part[i];
    }
    return p;
}
