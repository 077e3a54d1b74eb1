/*
 * Errors. A function that can fail returns 0 or one of these negative codes and fills the caller's gw_error
 * with one message that says what failed, where, and what to do. Outputs are untouched on failure. The
 * library never prints.
 *
 * The command line exits with the code's absolute value, so each kind of failure has an exit code of its own;
 * docs/guide/exit-codes.md lists them and a test compares.
 */
#ifndef GW_BASE_ERROR_H
#define GW_BASE_ERROR_H

enum {
    GW_OK = 0,
    GW_EINTERNAL = -1,  /* a bug of ours; please report */
    GW_EUSAGE = -2,     /* the command line is wrong */
    GW_ECONNECT = -3,   /* no connection: name, port, refused, proxy */
    GW_ETLS = -4,       /* the TLS handshake or a certificate failed */
    GW_EAUTH = -5,      /* 401 or 403 */
    GW_EQUERY = -6,     /* the server rejects the query: 400, 404, 422 */
    GW_ESERVER = -7,    /* the server is unwell: 429, 5xx after every retry */
    GW_ETIMEOUT = -8,   /* too slow, or cut off before the end */
    GW_ECORRUPT = -9,   /* bytes that are not what they say: checksum, truncation, syntax */
    GW_ENODATA = -10,   /* the source has no GPU metrics for the window */
    GW_EWINDOW = -11,   /* a window that is empty, in the future, or the clock jumps */
    GW_ECONFIG = -12,   /* kubeconfig, price file or configuration is wrong */
    GW_EPARTIAL = -13,  /* --strict, and the answer is incomplete */
    GW_ENOMEM = -14,    /* out of memory */
    GW_ELIMIT = -15,    /* a bound of ours was reached (query budget, size limit) */
    GW_EIO = -16,       /* a file cannot be read or written */
    GW_ENOTFOUND = -17, /* the named thing does not exist in the window */
};

#define GW_ERROR_MESSAGE_MAX 768

typedef struct gw_error {
    int code;
    char message[GW_ERROR_MESSAGE_MAX];
} gw_error;

/* Fills *e (when not NULL) and returns code; so "return gw_fail(e, GW_EIO, ...)" reads well. Over-long text
 * is cut, never inside a character. The arguments must not point into *e. */
int gw_fail(gw_error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* gw_fail for want of memory. */
int gw_fail_memory(gw_error *e);

/* Puts "prefix: " before the message that *e holds already, and returns e->code (GW_EINTERNAL where e is
 * NULL). */
int gw_error_prefix(gw_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
