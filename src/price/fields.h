/*
 * Inside the price room: the fields of a price table, each read with the same care: a wrong one is GW_ECONFIG
 * with file, line and column; an empty or absent one (FIELD_ABSENT) leaves *ret alone.
 */
#ifndef GW_PRICE_FIELDS_H
#define GW_PRICE_FIELDS_H

#include "format/csv.h"
#include "price/list.h"

#define FIELD_ABSENT SIZE_MAX

typedef struct field_reader {
    gw_price_list *l;
    gw_csv csv;
    uint32_t file;
    size_t columns; /* of the header, which is the first record; 0: not read yet */
    gw_error *e;
} field_reader;

/* As gw_csv_next, but what is corrupt is GW_ECONFIG, and so is a record longer than the first. */
int field_next(field_reader *r);

int field_text(field_reader *r, size_t column, const char **ret);
/* A number from 0 to max; `what` names it in messages. */
int field_number(field_reader *r, size_t column, const char *what, double max, double *ret);
/* The same as a whole number of its thousandths, MiB ...: rounded number × scale. */
int field_count(field_reader *r, size_t column, const char *what, double scale, double max, int64_t *ret);
/* USD an hour, with or without "$", also as 1e-05. */
int field_price(field_reader *r, size_t column, gw_micro *ret);
/* The canonical name, or the text where it is none. */
int field_gpu(field_reader *r, size_t column, const char **ret);
int field_provider(field_reader *r, size_t column, gw_provider *ret);
int field_capacity(field_reader *r, size_t column, gw_capacity *ret);
int field_selector(field_reader *r, size_t column, const gw_selector **ret);
/* The text, else "file:line". */
int field_source(field_reader *r, size_t column, const char **ret);

/* The readers of other tools' tables. The header has been read; each reads the rest. */
int price_read_opencost(field_reader *r);
int price_read_skypilot(field_reader *r);

#endif
