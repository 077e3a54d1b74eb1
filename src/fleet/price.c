#include "fleet/price.h"

void gw_price_book_init(gw_price_book *b)
{
    *b = (gw_price_book){0};
    gw_arena_init(&b->arena, 0);
}

void gw_price_book_free(gw_price_book *b)
{
    gw_free(b->nodes);
    gw_arena_free(&b->arena);
    gw_price_book_init(b);
}
