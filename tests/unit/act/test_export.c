/* An action as files: names and texts from outside stay harmless, and the disk is left as it was on failure.
 */
#include "gw_test.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/export_internal.h"
#include "act/sample.h"
#include "format/yaml.h"

/* ---- a directory for each test ---- */

static char top[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    GW_UNUSED(st);
    GW_UNUSED(type);
    GW_UNUSED(f);
    return remove(path);
}

static int make_top(void **state)
{
    GW_UNUSED(state);
    snprintf(top, sizeof(top), "/tmp/gw-act-XXXXXX");
    return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
    GW_UNUSED(state);
    return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *in_top(const char *name)
{
    static char paths[4][512];
    static int turn;
    char *p = paths[turn++ % 4];
    snprintf(p, sizeof(paths[0]), "%s/%s", top, name);
    return p;
}

static size_t entries(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void put_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static const gw_file *file_of(const gw_files *f, const char *path)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->items[i].path, path) == 0)
            return &f->items[i];
    }
    return NULL;
}

/* ---- texts ---- */

static void slugs(void **state)
{
    static const struct {
        const char *text, *slug; /* slug NULL: any, but harmless and unlike the others */
    } cases[] = {
        {"release-node/gpu-7", "release-node-gpu-7"},
        {"a.b-c", "a.b-c"},
        {"deployment/ml/chat", "deployment-ml-chat"},
        {"../../etc/passwd", NULL},
        {"..", NULL},
        {".hidden", NULL},
        {"", NULL},
        {"///", NULL},
        {"Upper", NULL},
        {"upper ", "upper"},
        {"a\nb", NULL},
        {"a;rm -rf", NULL},
        {"\xff\xfe", NULL},
        {"-rf", "rf"},
    };
    gw_arena arena;
    GW_UNUSED(state);
    gw_arena_init(&arena, 0);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        const char *s = gw_act_slug(&arena, cases[i].text);
        assert_true(*s && *s != '.' && *s != '-' && strlen(s) <= 80);
        assert_int_equal(strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-"), strlen(s));
        if (cases[i].slug)
            assert_string_equal(s, cases[i].slug);
        else
            assert_true(strlen(s) >= 8); /* has a hash */
    }
    /* what is lost is told apart */
    assert_string_not_equal(gw_act_slug(&arena, "a_b"), gw_act_slug(&arena, "a:b"));
    char longer[2][300];
    memset(longer, 'x', sizeof(longer));
    longer[0][299] = longer[1][299] = '\0';
    longer[1][298] = 'y';
    assert_string_not_equal(gw_act_slug(&arena, longer[0]), gw_act_slug(&arena, longer[1]));
    gw_arena_free(&arena);
}

static void check_shell(const char *text, const char *expected)
{
    gw_buf b;
    gw_buf_init(&b, 4096);
    gw_act_shell(&b, text);
    assert_string_equal(b.data, expected);
    gw_buf_free(&b);
}

static void shell_words(void **state)
{
    GW_UNUSED(state);
    check_shell("gpu-7.example.com", "gpu-7.example.com");
    check_shell("a b", "'a b'");
    check_shell("$(reboot)", "'$(reboot)'");
    check_shell("it's", "'it'\\''s'");
    check_shell("", "''");
    check_shell("a\nb", "'a\xEF\xBF\xBD"
                        "b'"); /* no second line in a code block */
    check_shell("~root", "'~root'");
    check_shell("a;b", "'a;b'");
}

static void prose(void **state)
{
    gw_buf b;
    GW_UNUSED(state);
    gw_buf_init(&b, 4096);
    gw_act_prose(&b, "a|b `c` [d](e) <script>\n# f \\");
    assert_string_equal(b.data, "a\\|b \\`c\\` \\[d\\](e) &lt;script>\xEF\xBF\xBD# f \\\\");
    gw_buf_free(&b);
}

/* ---- hostile names ---- */

/* Parses all YAML, and returns the node at the end of the keys in one file. */
static const gw_yaml *yaml_at(const gw_files *f, const char *path, gw_arena *arena, const char *const *keys)
{
    gw_error e;
    const gw_yaml *y = NULL;
    const gw_file *file = file_of(f, path);
    assert_non_null(file);
    if (gw_yaml_parse(arena, path, (gw_str){file->text, file->n}, &y, &e))
        fail_msg("%s", e.message);
    for (; *keys; keys++)
        y = gw_yaml_get(y, *keys);
    return y;
}

static void hostile_names(void **state)
{
    static const char *const names[] = {
        "on",    "1e3", "null", "0x10",    "2026-01-01", "a: b",
        "- x",   "'",   "\"",   "a\nb: c", "../../x",    "$(touch /tmp/gw-owned)",
        "--all", "| |", "{}",   "\xff",    "#"};
    GW_UNUSED(state);
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        sample s;
        gw_arena arena;
        gw_files files;
        gw_error e;
        sample_init(&s);
        gw_arena_init(&arena, 0);
        uint32_t pod = gw_fleet_find_pod(&s.fleet, s_("ml"), s_("chat-6c9f7d5b8-abcde"));
        s.fleet.pods[pod].workload_name = s.fleet.pods[pod].ns = names[i];
        s.fleet.nodes[gw_fleet_find_node(&s.fleet, s_("mig-1"))].name = names[i];
        gw_export x = sample_export(&s);
        if (gw_export_action(&x, 0, &arena, &files, &e))
            fail_msg("%s: %s", names[i], e.message);
        for (size_t k = 0; k < files.n; k++) {
            const char *path = files.items[k].path, *dot = strrchr(path, '.');
            assert_true(*path != '/' && !strstr(path, "..") && !strstr(path, "//"));
            if (strcmp(dot, ".yaml") == 0)
                yaml_at(&files, path, &arena, (const char *const[]){NULL});
        }
        /* a name is text wherever it stands, and not what YAML makes of it without quotes */
        const gw_yaml *patches =
            yaml_at(&files, "workloads/kustomization.yaml", &arena, (const char *const[]){"patches", NULL});
        const char *text = NULL;
        assert_int_equal(patches->n, 1);
        assert_int_equal(
            gw_yaml_text(gw_yaml_get(gw_yaml_get(patches->items[0], "target"), "kind"), &text, &e), 0);
        assert_int_equal(
            gw_yaml_text(gw_yaml_get(gw_yaml_get(patches->items[0], "target"), "name"), &text, &e), 0);
        gw_arena_free(&arena);
        sample_free(&s);
    }
}

/* ---- what cannot be said ---- */

static int export_one(sample *s, uint32_t action, gw_error *e)
{
    gw_arena arena;
    gw_files files;
    gw_export x = sample_export(s);
    gw_arena_init(&arena, 0);
    int rc = gw_export_action(&x, action, &arena, &files, e);
    gw_arena_free(&arena);
    return rc;
}

static void impossible_changes(void **state)
{
    sample s;
    gw_error e;
    GW_UNUSED(state);
    sample_init(&s);
    gw_change *c = &s.plan.actions[1].change;
    gw_cut cuts[] = {c->cuts[0], c->cuts[0]};
    cuts[1].gpu = sample_gpu(&s.fleet, "time-1", 1);
    c->cuts = cuts;
    c->n_cuts = 2;
    assert_int_equal(export_one(&s, 1, &e), 0);
    cuts[1].parts = 2; /* the plugin shares the boards of a node alike */
    assert_int_equal(export_one(&s, 1, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "time-1"));
    gw_cut odd = {sample_gpu(&s.fleet, "mig-1", 0), GW_FORM_MIG, GW_VIA_DEVICE_PLUGIN, 1, "@", NULL};
    s.plan.actions[0].change.cuts = &odd;
    s.plan.actions[0].change.n_cuts = 1;
    assert_int_equal(export_one(&s, 0, &e), GW_EUSAGE);
    odd.layout = "3g.40gb@0";
    s.fleet.gpus[odd.gpu].index = -1; /* one of two boards, and nobody knows which */
    assert_int_equal(export_one(&s, 0, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "index"));
    assert_int_equal(export_one(&s, 99, &e), GW_EINTERNAL);
    sample_free(&s);
}

/* All boards of a node whose indexes nobody knows, cut alike, are all of them. */
static void boards_without_index(void **state)
{
    sample s;
    gw_arena arena;
    gw_files files;
    gw_error e;
    GW_UNUSED(state);
    sample_init(&s);
    gw_cut cuts[2];
    for (int i = 0; i < 2; i++) {
        cuts[i] = (gw_cut){
            sample_gpu(&s.fleet, "mig-1", i), GW_FORM_MIG, GW_VIA_DEVICE_PLUGIN, 1, "7g.80gb@0", NULL};
        s.fleet.gpus[cuts[i].gpu].index = -1;
    }
    s.plan.actions[0].change = (gw_change){.cuts = cuts, .n_cuts = 2};
    gw_export x = sample_export(&s);
    gw_arena_init(&arena, 0);
    assert_int_equal(gw_export_action(&x, 0, &arena, &files, &e), 0);
    const gw_file *f = file_of(&files, "manifests/mig-parted.yaml");
    assert_non_null(f);
    assert_non_null(strstr(f->text, "- devices: all\n          mig-enabled: true\n          mig-devices:\n"
                                    "            \"7g.80gb\": 1\n"));
    gw_arena_free(&arena);
    sample_free(&s);
}

/* The label must not stay on a name that goes with our map: where the node had none, it ends without one. */
static void mig_back_without_label(void **state)
{
    static const struct {
        bool cut; /* board 1 was cut already */
        const char *order[5];
    } cases[] = {
        {true, {"mig.config=gpuwise-", "kubectl wait ", "mig.config-\n", "\"OLD-NAME\"", "back/workloads/"}},
        {false,
         {"mig.config=all-disabled ", "kubectl wait ", "mig.config-\n", "\"OLD-NAME\"", "back/workloads/"}},
    };
    GW_UNUSED(state);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        sample s;
        gw_arena arena;
        gw_files files;
        gw_error e;
        sample_init(&s);
        s.fleet.nodes[gw_fleet_find_node(&s.fleet, s_("mig-1"))].labels.n = 0;
        if (!cases[i].cut)
            s.plan.actions[0].change.n_cuts = 1;
        gw_export x = sample_export(&s);
        gw_arena_init(&arena, 0);
        assert_int_equal(gw_export_action(&x, 0, &arena, &files, &e), 0);
        const char *at = strstr(file_of(&files, "README.md")->text, "## The way back");
        for (size_t k = 0; k < GW_COUNT(cases[i].order); k++) {
            at = at ? strstr(at, cases[i].order[k]) : NULL;
            if (!at)
                fail_msg("%s is not there, or not there yet", cases[i].order[k]);
        }
        gw_arena_free(&arena);
        sample_free(&s);
    }
}

/* What must be said loudly: a template for more pods than the action means, a board that the plugin would
 * share too, a pod that nobody makes again. */
static void cautions(void **state)
{
    static const struct {
        uint32_t action;
        const char *part;
    } cases[] = {
        {0, "Pod ml/probe has no controller"},
        {1, "StatefulSet dev/notebook runs 3 pods and this action gives other seats to 2"},
        {1, "time-1 has 2 boards and the plan shares 1 of them"},
        {7, "is not known: it has none, so that any pod may come there"},
        {8, "The requests of Job ml/train cannot be changed by a patch"},
    };
    sample s;
    GW_UNUSED(state);
    sample_init(&s);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_arena arena;
        gw_files files;
        gw_error e;
        gw_export x = sample_export(&s);
        gw_arena_init(&arena, 0);
        assert_int_equal(gw_export_action(&x, cases[i].action, &arena, &files, &e), 0);
        const gw_file *f = file_of(&files, "README.md");
        const char *at = strstr(f->text, "## Read this first"), *end = strstr(f->text, "## Steps");
        const char *found = at ? strstr(at, cases[i].part) : NULL;
        if (!found || found > end)
            fail_msg("%s is not said:\n%s", cases[i].part, f->text);
        gw_arena_free(&arena);
    }
    sample_free(&s);
}

/* ---- clusters ---- */

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
        n++;
    return n;
}

/* Every block with kubectl says its cluster: above it, or by a comment where an action is in several. */
static void says_the_cluster(void **state)
{
    sample s;
    GW_UNUSED(state);
    sample_init(&s);
    gw_export x = sample_export(&s);
    for (int several = 0; several < 2; several++) {
        for (size_t i = 0; i < s.fleet.n_nodes; i++)
            s.fleet.nodes[i].cluster = "east";
        if (several) /* where move-cpu-pods moves a pod to; and one that is released beside cpu-1 */
            s.fleet.nodes[gw_fleet_find_node(&s.fleet, s_("idle-1"))].cluster = "west";
        uint32_t both[] = {gw_fleet_find_node(&s.fleet, s_("cpu-1")),
                           gw_fleet_find_node(&s.fleet, s_("idle-1"))};
        s.plan.actions[6].change.released = both;
        s.plan.actions[6].change.n_released = 2;
        for (uint32_t i = 0; i < s.plan.n_actions; i++) {
            gw_arena arena;
            gw_files files;
            gw_error e;
            gw_arena_init(&arena, 0);
            assert_int_equal(gw_export_action(&x, i, &arena, &files, &e), 0);
            const char *text = file_of(&files, "README.md")->text;
            bool mixed = several && i == 6;
            assert_non_null(strstr(text, "kubectl config use-context"));
            assert_int_equal(count_of(text, "This is in several clusters: **east**, **west**."), mixed);
            /* one block has no kubectl: the plan made again */
            if (!mixed)
                assert_int_equal(count_of(text, "\n\n```sh\n"),
                                 count_of(text, several && i == 5 ? "In cluster west:\n\n```sh\n"
                                                                  : "In cluster east:\n\n```sh\n") +
                                     1);
            else
                assert_non_null(strstr(text,
                                       "```sh\n# in cluster east\nkubectl cordon node/cpu-1\n# in cluster "
                                       "west\nkubectl cordon node/idle-1\n```"));
            gw_arena_free(&arena);
        }
    }
    sample_free(&s);
}

/* ---- the disk ---- */

static void writes_and_replaces(void **state)
{
    sample s;
    gw_error e;
    GW_UNUSED(state);
    sample_init(&s);
    gw_export x = sample_export(&s);
    assert_int_equal(gw_export_write(&x, in_top("plan"), &e), 0);
    assert_true(there(in_top("plan/01-mig-mig-1/action.json")));
    assert_int_equal(entries(in_top("plan")), s.plan.n_actions + 1);
    /* an earlier export goes, with all that was in it, and nothing beside it stays */
    put_text(in_top("plan/01-mig-mig-1/old"), "x");
    s.plan.actions[5].chosen = false; /* chosen ones come first: five are left */
    assert_int_equal(gw_export_write(&x, in_top("plan/"), &e), 0);
    assert_false(there(in_top("plan/01-mig-mig-1/old")));
    assert_int_equal(entries(in_top("plan")), 6);
    assert_int_equal(entries(top), 1);
    /* an empty directory is taken */
    assert_int_equal(mkdir(in_top("empty"), 0700), 0);
    assert_int_equal(gw_export_write(&x, in_top("empty"), &e), 0);
    assert_int_equal(entries(in_top("empty")), 6);
    sample_free(&s);
}

static void refuse_dir(const gw_export *x, const char *dir, int code, const char *part)
{
    gw_error e = {0};
    size_t n = entries(top);
    int rc = gw_export_write(x, dir, &e);
    if (rc != code || !strstr(e.message, part))
        fail_msg("%s: %d %s", dir, rc, e.message);
    assert_int_equal(entries(top), n); /* nothing new beside it */
}

static void leaves_others_alone(void **state)
{
    sample s;
    gw_error e;
    GW_UNUSED(state);
    sample_init(&s);
    gw_export x = sample_export(&s);
    assert_int_equal(mkdir(in_top("mine"), 0700), 0);
    put_text(in_top("mine/notes"), "x");
    refuse_dir(&x, in_top("mine"), GW_EUSAGE, "notes");
    put_text(in_top("mine/README.md"), "# Mine\n");
    refuse_dir(&x, in_top("mine"), GW_EUSAGE, "no earlier export");
    assert_true(there(in_top("mine/notes")));

    assert_int_equal(gw_export_write(&x, in_top("plan"), &e), 0);
    put_text(in_top("plan/notes"), "x");
    refuse_dir(&x, in_top("plan"), GW_EUSAGE, "notes");
    assert_true(there(in_top("plan/notes")));
    assert_int_equal(unlink(in_top("plan/notes")), 0);

    /* links: the name itself is refused; one inside is removed and what it points to stays */
    assert_int_equal(symlink(in_top("plan"), in_top("link")), 0);
    refuse_dir(&x, in_top("link"), GW_EUSAGE, "symbolic link");
    assert_int_equal(symlink(in_top("mine"), in_top("plan/99-link")), 0);
    assert_int_equal(gw_export_write(&x, in_top("plan"), &e), 0);
    assert_false(there(in_top("plan/99-link")));
    assert_true(there(in_top("mine/notes")));

    put_text(in_top("file"), "x");
    refuse_dir(&x, in_top("file"), GW_EUSAGE, "no directory");
    refuse_dir(&x, in_top("none/plan"), GW_EIO, "none");
    refuse_dir(&x, ".", GW_EUSAGE, "of its own");
    refuse_dir(&x, "/", GW_EUSAGE, "of its own");
    refuse_dir(&x, in_top(".."), GW_EUSAGE, "of its own");
    refuse_dir(&x, "", GW_EUSAGE, "of its own");
    sample_free(&s);
}

/* The disk takes no more than so many bytes of a file: whichever file it hits first, nothing of it is left
 * and what was there is untouched. */
static void disk_is_full(void **state)
{
    static const rlim_t limits[] = {0, 100, 1000, 3000};
    sample s;
    gw_error e;
    struct rlimit was;
    GW_UNUSED(state);
    sample_init(&s);
    gw_export x = sample_export(&s);
    assert_int_equal(gw_export_write(&x, in_top("old"), &e), 0);
    put_text(in_top("old/01-mig-mig-1/mark"), "x");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < GW_COUNT(limits); i++) {
        struct rlimit now = {limits[i], was.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
        int first = gw_export_write(&x, in_top("new"), &e), second = gw_export_write(&x, in_top("old"), &e);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
        assert_int_equal(first, GW_EIO);
        assert_int_equal(second, GW_EIO);
        assert_non_null(strstr(e.message, strerror(EFBIG)));
        assert_false(there(in_top("new")));
        assert_true(there(in_top("old/01-mig-mig-1/mark")));
        assert_int_equal(entries(top), 1);
    }
    signal(SIGXFSZ, SIG_DFL);
    sample_free(&s);
}

/* ---- memory ---- */

static void memory_runs_out_in_memory(void **state)
{
    sample s;
    GW_UNUSED(state);
    sample_init(&s);
    gw_export x = sample_export(&s);
    for (uint32_t i = 0; i < s.plan.n_actions; i++) {
        int rc = GW_ENOMEM;
        for (uint64_t n = 1; rc; n++) {
            gw_arena arena;
            gw_files files;
            gw_error e;
            int64_t live = gw_mem_live();
            gw_arena_init(&arena, 0);
            gw_mem_fail_at(n);
            rc = gw_export_action(&x, i, &arena, &files, &e);
            gw_mem_fail_at(0);
            if (rc && (rc != GW_ENOMEM || n > 100000))
                fail_msg("allocation %" PRIu64 ": %d %s", n, rc, e.message);
            gw_arena_free(&arena);
            assert_int_equal(gw_mem_live(), live);
        }
    }
    sample_free(&s);
}

static void memory_runs_out_on_disk(void **state)
{
    sample s;
    int rc = GW_ENOMEM;
    GW_UNUSED(state);
    sample_init(&s);
    s.plan.actions[2].chosen = false; /* two actions are enough */
    gw_export x = sample_export(&s);
    for (uint64_t n = 1; rc; n++) {
        gw_error e;
        int64_t live = gw_mem_live();
        gw_mem_fail_at(n);
        rc = gw_export_write(&x, in_top("plan"), &e);
        gw_mem_fail_at(0);
        if (rc && (rc != GW_ENOMEM || n > 100000))
            fail_msg("allocation %" PRIu64 ": %d %s", n, rc, e.message);
        assert_int_equal(gw_mem_live(), live);
        assert_int_equal(entries(top), rc ? 0 : 1);
    }
    sample_free(&s);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, make_top, remove_top)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slugs),
        cmocka_unit_test(shell_words),
        cmocka_unit_test(prose),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(impossible_changes),
        cmocka_unit_test(boards_without_index),
        cmocka_unit_test(cautions),
        cmocka_unit_test(mig_back_without_label),
        cmocka_unit_test(says_the_cluster),
        ON_DISK(writes_and_replaces),
        ON_DISK(leaves_others_alone),
        ON_DISK(disk_is_full),
        cmocka_unit_test(memory_runs_out_in_memory),
        ON_DISK(memory_runs_out_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
