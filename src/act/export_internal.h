/*
 * Between the files of act/: the folder in the making, what the action means for workloads and for nodes, and
 * one writer for each object of the ecosystem.
 */
#ifndef GW_ACT_EXPORT_INTERNAL_H
#define GW_ACT_EXPORT_INTERNAL_H

#include "act/export.h"

/* Labels that NVIDIA's operator reads, and what this project's own objects are called. */
#define GW_ACT_MIG_LABEL     "nvidia.com/mig.config"
#define GW_ACT_PLUGIN_LABEL  "nvidia.com/device-plugin.config"
#define GW_ACT_MIG_OFF       "all-disabled" /* an entry of every map of mig-parted's */
#define GW_ACT_MIG_MAP       "gpuwise-mig-parted"
#define GW_ACT_PLUGIN_MAP    "gpuwise-device-plugin"
#define GW_ACT_RELEASE_TAINT "gpuwise-release"
#define GW_ACT_MANAGER       "gpuwise"
#define GW_ACT_CAUTIONS_MAX  ((size_t)10000)
#define GW_ACT_CLUSTERS_MAX  16
#define GW_ACT_ASK_MAX       8 /* resources that one pod asks for */
#define GW_ACT_TARGETS_MAX   ((size_t)1000000)

/* ---- what a pod asks for to get its seats (ask.c) ---- */

typedef struct gw_act_request {
    char resource[64]; /* "nvidia.com/mig-1g.10gb" */
    int64_t n;
} gw_act_request;

typedef struct gw_act_ask {
    gw_act_request items[GW_ACT_ASK_MAX]; /* sorted by name */
    size_t n;
    int64_t fraction_milli, memory_mib; /* KAI's annotations; GW_UNKNOWN_COUNT: none */
    bool impossible;                    /* nothing that a pod can ask for brings these seats */
} gw_act_ask;

bool gw_act_ask_eq(const gw_act_ask *a, const gw_act_ask *b);
bool gw_act_ask_by_annotation(const gw_act_ask *a);
/* "nvidia.com/mig-1g.10gb: 1", "the annotation gpu-fraction: 0.25" */
void gw_act_ask_write(gw_buf *b, const gw_act_ask *a);

/* ---- workloads whose pods get other seats or requests (target.c) ---- */

/* Where a kind keeps its pod template. */
typedef struct gw_act_kind {
    const char *kind, *group, *version;
    const char *argument; /* for kubectl: "deployment", "rollouts.argoproj.io" */
    const char
        *template[4]; /* path to the pod template: "spec", "template"; [0] NULL: it cannot be changed */
    bool rolls;       /* a changed template replaces the pods by itself */
    bool custom;      /* a custom resource: no strategic merge */
} gw_act_kind;

const gw_act_kind *gw_act_kind_find(const char *kind); /* NULL: not known */

typedef struct gw_act_target {
    const char *ns, *kind, *name; /* kind NULL: a bare pod */
    const char *cluster;          /* of its pods; NULL: none of them has one */
    bool clusters;                /* there are pods of it in others as well */
    const gw_act_kind *info;      /* NULL: not known */
    const char *stem;             /* "deployment-ml-chat": unique among the targets, a file name */
    gw_act_ask was, to;
    bool moves;              /* pods of it are moved or re-seated */
    bool differ;             /* its pods would have to ask for different things */
    bool reseats;            /* was and to differ: its template must change */
    uint32_t moved, running; /* pods: of the action, of the fleet */
    const gw_resize *resize; /* NULL: none */
    const char *ask_patch, *ask_requests_patch, *note_patch, *size_patch; /* paths; NULL: no such file */
} gw_act_target;

/* ---- nodes that get another configuration (node_setting.c) ---- */

typedef struct gw_act_setting {
    uint32_t node; /* GW_HIRED_NODE(k) as well */
    bool mig;      /* mig.config, else device-plugin.config */
    gw_form form;  /* of a plugin setting: MPS, TIME_SLICE, or WHOLE (no longer shared) */
    int parts;
    const char *value; /* of the label: the name of the configuration */
    const char *entry; /* its YAML */
    /* The label on the way back: as it is today. Where a node has none, a plugin's goes (NULL), and MIG's is
     * a configuration that makes the boards as they were, and goes after that. */
    const char *back;
    const char *back_entry; /* NULL: none of ours */
    const char *was;        /* of the label today; NULL none */
    const gw_cut **cuts;    /* that led to it */
    size_t n_cuts;
} gw_act_setting;

/* ---- nodes to be hired, those that are alike together (hire_group.c) ---- */

typedef struct gw_act_hires {
    const gw_hire *like; /* the first of them */
    uint32_t first;      /* its index in the change */
    uint32_t n;
    const char *mig, *plugin; /* values of the labels that they are given; NULL none */
    const char *name;         /* "gpuwise-g5-xlarge-spot": of the NodePool; NULL: no provider of Karpenter */
} gw_act_hires;

/* ---- the folder ---- */

typedef struct gw_act {
    const gw_export *x;
    const gw_fleet *fleet;
    const gw_action *action;
    uint32_t index;
    gw_arena *arena;
    gw_files *files;
    gw_act_target *targets; /* in the order of the change */
    size_t n_targets;
    uint32_t *target_of_move; /* by move: index into targets; GW_NONE for a bundle */
    gw_act_setting *settings; /* by node, as they come in the change */
    size_t n_settings;
    gw_act_hires *hires; /* in the order of the change */
    size_t n_hires;
    const char **cautions; /* sentences: what the reader must know before anything is done */
    size_t n_cautions, cap_cautions;
    const char *clusters[GW_ACT_CLUSTERS_MAX]; /* that it touches, as far as they have names */
    size_t n_clusters;
    const char *operator_ns; /* where NVIDIA's operator runs */
    bool operator_ns_guessed;
} gw_act;

/* folder.c */
/* Takes the buffer's text (and empties it) as a file; b's failure is the function's. GW_ELIMIT. */
int gw_act_add(gw_act *a, const char *path, gw_buf *b, gw_error *e);
bool gw_act_has(const gw_act *a, const char *prefix); /* a file below it */
int gw_act_caution(gw_act *a, gw_error *e, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A file name out of any text: [a-z0-9.-], at most 80 bytes; what was lost is told apart by a hash. NULL: no
 * memory. */
char *gw_act_slug(gw_arena *arena, const char *text);
char *gw_act_lower(gw_arena *arena, const char *text); /* NULL: no memory */
/* "1 pod", "2 pods" */
void gw_act_put_count(gw_buf *b, int64_t n, const char *one, const char *many);
/* The text as one word of a shell, as a phrase of Markdown, as a piece of a URL's path. Control characters
 * become U+FFFD. NULL writes nothing. */
void gw_act_shell(gw_buf *b, const char *text);
void gw_act_prose(gw_buf *b, const char *text);
void gw_act_url(gw_buf *b, const char *text);
/* "node/gpu-7" as one word of a shell. */
void gw_act_shell_of(gw_buf *b, const char *kind, const char *name);
/* Each line of the text behind `indent` blanks. */
void gw_act_indent(gw_buf *b, const char *text, int indent);
/* Starts an object: apiVersion, kind, metadata with name, namespace (NULL: none) and our label. */
void gw_act_object(gw_doc *d, const char *version, const char *kind, const char *ns, const char *name);
const char *gw_act_node_name(const gw_act *a, uint32_t node); /* "a new g5.xlarge" for a hire; never NULL */
uint32_t gw_act_node_of(const gw_fleet *f, uint32_t gpu);     /* hired ones as well; GW_NONE */

/* ask.c */
gw_act_ask gw_act_ask_of(const gw_act *a, uint32_t pod, const gw_seat *seats, uint32_t n);
gw_act_ask gw_act_ask_now(const gw_act *a, uint32_t pod, const gw_seat *seats, uint32_t n);

/* target.c, node_setting.c: fill a->targets, a->settings, and say what is odd about them. */
int gw_act_find_targets(gw_act *a, gw_error *e);
int gw_act_find_settings(gw_act *a, gw_error *e);
int gw_act_find_hires(gw_act *a, gw_error *e); /* after the settings */
/* The settings of any action of the plan, in the arena. */
int gw_act_settings_of(const gw_act *a, const gw_action *action, gw_act_setting **ret, size_t *n,
                       gw_error *e);
const gw_act_setting *gw_act_setting_of(const gw_act *a, uint32_t node, bool mig);
/* The entries of one ConfigMap, by name: of all chosen actions of the plan and of this one, since NVIDIA's
 * components read one map each and the actions of a plan follow each other. */
typedef struct gw_act_entry {
    const char *name, *text;
} gw_act_entry;
int gw_act_entries(gw_act *a, bool mig, gw_act_entry **ret, size_t *n, gw_error *e);

/* manifest_*.c, action_json.c, readme.c: each adds its files, or none where there is nothing to say. */
int gw_act_write_mig_parted(gw_act *a, gw_error *e);
int gw_act_write_device_plugin(gw_act *a, gw_error *e);
int gw_act_write_node_labels(gw_act *a, gw_error *e);
int gw_act_write_patches(gw_act *a, gw_error *e);
int gw_act_write_kai(gw_act *a, gw_act_target *t, gw_error *e);
int gw_act_write_vpa(gw_act *a, gw_error *e);
int gw_act_write_karpenter(gw_act *a, gw_error *e);
int gw_act_write_autoscaler(gw_act *a, gw_error *e);
int gw_act_write_descheduler(gw_act *a, gw_error *e);
int gw_act_write_action_json(gw_act *a, gw_error *e);
int gw_act_write_readme(gw_act *a, gw_error *e);

/* False: what its pods move to comes with the action, as new nodes, cut boards or smaller requests. */
bool gw_act_room_is_there(const gw_act *a);

/* When a pod of a move is evicted. */
typedef enum gw_act_eviction {
    GW_ACT_EVICT_NEVER, /* a rollout replaces it; or it must ask for something else and no patch makes it, so
                    that it would come back as it was: that is left to whoever does it by hand */
    GW_ACT_EVICT_TO_MOVE,    /* it runs elsewhere at once */
    GW_ACT_EVICT_BEFORE_CUT, /* its board must be free: its rollout would wait for the new seat, and that for
                         the board */
    GW_ACT_EVICT_AFTER_CUT,  /* its new seat is there then */
} gw_act_eviction;

/* The steps of a README in the making. */
typedef struct gw_act_steps {
    gw_act *a;
    gw_buf *b;
    int n;
    const char *cluster; /* that the commands of this block are for, as said last; NULL: not said yet */
} gw_act_steps;

#define GW_ACT_LIST_MAX 500 /* commands of one step; the rest is in action.json */

void gw_act_begin_step(gw_act_steps *s, const char *title);
void gw_act_end_code(gw_act_steps *s, size_t left_out);
void gw_act_put_node_command(gw_act_steps *s, const char *before, uint32_t node, const char *after);

/* cluster.c: of an action in one cluster each block of commands says it above; of one in several, a comment
 * says it before each command for another one than the last. */
const char *gw_act_cluster_of(const gw_act *a,
                              uint32_t node);         /* of a hired one: as the node that it is like */
int gw_act_find_clusters(gw_act *a, gw_error *e);     /* after targets, settings and hires */
void gw_act_put_clusters(const gw_act *a, gw_buf *b); /* the paragraph above all steps */
void gw_act_begin_code(gw_act_steps *s);
void gw_act_begin_code_everywhere(gw_act_steps *s); /* the same commands for each cluster */
void gw_act_put_cluster(gw_act_steps *s, const char *cluster);

/* "kubectl taint" of the release taint; rest: "=true:NoSchedule", with a '-' behind it to take it away. */
void gw_act_put_taint_command(gw_act_steps *s, uint32_t node, const char *rest);

/* readme_boards.c */
void gw_act_put_evictions(gw_act_steps *s, gw_act_eviction when, const char *title, const char *text);
bool gw_act_evicts(const gw_act *a); /* some step evicts a pod by itself */
void gw_act_put_bundles(gw_act_steps *s);
void gw_act_put_cuts(gw_act_steps *s);

/* readme_steps.c, readme_back.c */
void gw_act_put_steps(gw_act *a, gw_buf *b);
void gw_act_put_checks(gw_act *a, gw_buf *b);
void gw_act_put_back(gw_act *a, gw_buf *b);
/* "$1,234.57", "unknown" */
void gw_act_put_money(gw_buf *b, gw_micro m);

#endif
