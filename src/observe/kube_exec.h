/*
 * Exec credential plugins: a program that the kubeconfig names prints an ExecCredential on its standard
 * output.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 *
 * The program is started directly, never through a shell, with standard input at its end, in a process group
 * of its own that is killed when the time is up. What it writes to standard error is shown only when it
 * fails; what it writes to standard output is never shown, since it holds secrets.
 */
#ifndef GW_OBSERVE_KUBE_EXEC_H
#define GW_OBSERVE_KUBE_EXEC_H

#include "base/time.h"
#include "observe/kubeconfig.h"

#define GW_KUBE_EXEC_TIMEOUT_MS (60 * GW_SECOND_MS)
#define GW_KUBE_EXEC_MAX_BYTES  ((size_t)1 << 20) /* of its standard output */

typedef struct gw_kube_credential {
    const char *token;          /* NULL = none */
    gw_str cert_data, key_data; /* PEM; empty = none */
    int64_t expires_ms;         /* 0 = never, as far as the plugin says */
} gw_kube_credential;

/*
 * Runs the plugin and reads its reply into the arena. timeout_ms: 0 = GW_KUBE_EXEC_TIMEOUT_MS.
 * GW_EAUTH cannot be started, fails, or gives no credential · GW_ETIMEOUT · GW_ELIMIT says too much ·
 * GW_ECORRUPT the reply is no ExecCredential
 */
int gw_kube_exec_run(gw_arena *a, const gw_kube_exec *x, int64_t timeout_ms, gw_kube_credential *ret,
                     gw_error *e);

/* Reads an ExecCredential; for gw_kube_exec_run and the fuzzer. */
int gw_kube_credential_parse(gw_arena *a, const gw_kube_exec *x, gw_str json, gw_kube_credential *ret,
                             gw_error *e);

#endif
