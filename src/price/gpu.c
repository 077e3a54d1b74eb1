#include "price/gpu.h"

#include <strings.h>

#define WORDS_MAX     24 /* of a spelling; what comes later names no model */
#define WORD_TEXT_MAX 24

/*
 * words: the model as runs of lower-case words, "|" between alternatives; NULL for a variant, which is found
 * through its family. gib: 0 where it is not one size.
 * Sources: NVIDIA's data sheets of each board (A-, L-, H-, B-series, T4, V100, P100, RTX PRO); for B300 and
 * GB200 what EC2 gives its p6-b300 and p6e-gb200 instances; AMD's data sheets of Instinct and Radeon Pro.
 */
typedef struct model {
    const char *name, *family, *words;
    int gib;
    int size; /* the word "80gb" that picks this variant of the family; 0: the family itself, or no variants
               */
    const char *form; /* words that pick it too, where no size is given; NULL: none */
} model;

static const model models[] = {
    {"A100", "A100", "a100", 0, 0, NULL},
    {"A100-40GB", "A100", NULL, 40, 40, NULL},
    {"A100-80GB", "A100", NULL, 80, 80, NULL},
    {"A800", "A800", "a800", 0, 0, NULL},
    {"A800-40GB", "A800", NULL, 40, 40, NULL},
    {"A800-80GB", "A800", NULL, 80, 80, NULL},
    {"H100", "H100", "h100", 0, 0, NULL},
    {"H100-80GB", "H100", NULL, 80, 80, "pcie sxm5 mega"},
    {"H100-94GB", "H100", NULL, 94, 94, "nvl"},
    {"V100", "V100", "v100|v100s", 0, 0, NULL},
    {"V100-16GB", "V100", NULL, 16, 16, NULL},
    {"V100-32GB", "V100", NULL, 32, 32, "v100s"},
    {"P100", "P100", "p100", 0, 0, NULL},
    {"P100-12GB", "P100", NULL, 12, 12, NULL},
    {"P100-16GB", "P100", NULL, 16, 16, "sxm2"},
    {"H200", "H200", "h200", 141, 0, NULL},
    {"H800", "H800", "h800", 80, 0, NULL},
    {"H20", "H20", "h20", 96, 0, NULL},
    {"GH200", "GH200", "gh200", 0, 0, NULL},
    {"B200", "B200", "b200", 180, 0, NULL},
    {"B300", "B300", "b300", 268, 0, NULL},
    {"GB200", "GB200", "gb200", 185, 0, NULL},
    {"GB300", "GB300", "gb300", 0, 0, NULL},
    {"L4", "L4", "l4", 24, 0, NULL},
    {"L40", "L40", "l40", 48, 0, NULL},
    {"L40S", "L40S", "l40s", 48, 0, NULL},
    {"L20", "L20", "l20", 48, 0, NULL},
    {"T4", "T4", "t4", 16, 0, NULL},
    {"T4G", "T4G", "t4g", 16, 0, NULL},
    {"A10", "A10", "a10", 24, 0, NULL},
    {"A10G", "A10G", "a10g", 24, 0, NULL},
    {"A2", "A2", "a2", 16, 0, NULL},
    {"A16", "A16", "a16", 16, 0, NULL},
    {"A30", "A30", "a30", 24, 0, NULL},
    {"A40", "A40", "a40", 48, 0, NULL},
    {"P4", "P4", "p4", 8, 0, NULL},
    {"P40", "P40", "p40", 24, 0, NULL},
    {"K80", "K80", "k80", 12, 0, NULL},
    {"M60", "M60", "m60", 8, 0, NULL},
    {"RTX-PRO-6000", "RTX-PRO-6000", "rtx pro 6000|rtx pro server 6000|rtxpro6000|rtxpro6000bse|rtxpro6000ws",
     96, 0, NULL},
    {"RTX-PRO-5000", "RTX-PRO-5000", "rtx pro 5000|rtxpro5000", 48, 0, NULL},
    {"RTX-PRO-4500", "RTX-PRO-4500", "rtx pro 4500|rtx pro server 4500|rtxpro4500", 32, 0, NULL},
    {"RTX-6000-Ada", "RTX-6000-Ada", "rtx 6000 ada|rtx6000 ada|rtx6000ada", 48, 0, NULL},
    {"RTX-A6000", "RTX-A6000", "a6000|rtxa6000", 48, 0, NULL},
    {"RTX-A5000", "RTX-A5000", "a5000|rtxa5000", 24, 0, NULL},
    {"RTX-A4000", "RTX-A4000", "a4000|rtxa4000", 16, 0, NULL},
    {"Quadro-RTX-8000", "Quadro-RTX-8000", "quadro rtx 8000", 48, 0, NULL},
    {"Quadro-RTX-6000", "Quadro-RTX-6000", "quadro rtx 6000", 24, 0, NULL},
    {"RTX-5090", "RTX-5090", "rtx 5090|rtx5090", 32, 0, NULL},
    {"RTX-4090", "RTX-4090", "rtx 4090|rtx4090", 24, 0, NULL},
    {"RTX-3090", "RTX-3090", "rtx 3090|rtx3090", 24, 0, NULL},
    {"Radeon-Pro-V520", "Radeon-Pro-V520", "v520", 8, 0, NULL},
    {"Radeon-Pro-V620", "Radeon-Pro-V620", "v620", 32, 0, NULL},
    {"Radeon-Pro-V710", "Radeon-Pro-V710", "v710", 24, 0, NULL},
    {"MI25", "MI25", "mi25", 16, 0, NULL},
    {"MI210", "MI210", "mi210", 64, 0, NULL},
    {"MI250X", "MI250X", "mi250x", 128, 0, NULL},
    {"MI300X", "MI300X", "mi300x", 192, 0, NULL},
    {"MI325X", "MI325X", "mi325x", 256, 0, NULL},
    {"MI355X", "MI355X", "mi355x", 288, 0, NULL},
};

static const struct {
    const char *label, *name;
} exact[] = {{"nvidia-tesla-a100", "A100-40GB"}, {"nvidia-tesla-v100", "V100-16GB"}};

typedef struct spelling {
    char word[WORDS_MAX][WORD_TEXT_MAX];
    size_t n;
} spelling;

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(char c)
{
    c = lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static void split(const char *name, spelling *s)
{
    s->n = 0;
    while (*name && s->n < WORDS_MAX) {
        while (*name && !is_word(*name))
            name++;
        size_t n = 0;
        char *w = s->word[s->n];
        for (; is_word(*name); name++)
            if (n + 1 < WORD_TEXT_MAX)
                w[n++] = lower(*name);
        w[n] = '\0';
        if (n == 0 || strcmp(w, "mig") == 0)
            return;
        s->n++;
    }
}

/* How many words of `s` from word `at` on the phrase (blanks between its words, ending at '|' or the end)
 * takes; 0 where it does not stand there. */
static size_t phrase_at(const spelling *s, size_t at, const char *phrase)
{
    size_t taken = 0;
    while (at + taken < s->n) {
        size_t n = strcspn(phrase, " |");
        const char *w = s->word[at + taken];
        if (strlen(w) != n || memcmp(w, phrase, n) != 0)
            return 0;
        taken++;
        phrase += n;
        if (*phrase != ' ')
            return taken;
        phrase++;
    }
    return 0;
}

/* The longest run of words that names m; 0 where none does. */
static size_t stands_in(const spelling *s, const model *m)
{
    size_t best = 0;
    for (const char *alternative = m->words; alternative; alternative = strchr(alternative, '|')) {
        alternative += *alternative == '|';
        for (size_t at = 0; at < s->n; at++)
            best = GW_MAX(best, phrase_at(s, at, alternative));
    }
    return best;
}

static bool is_size(const char *word, int gib)
{
    char text[WORD_TEXT_MAX];
    int n = snprintf(text, sizeof(text), "%dg", gib);
    return strncmp(word, text, (size_t)n) == 0 &&
           (word[n] == '\0' || strcmp(word + n, "b") == 0 || strcmp(word + n, "ib") == 0);
}

/* Whether the word is "80gb", "40g" ... of any number. */
static bool is_any_size(const char *word)
{
    size_t digits = strspn(word, "0123456789");
    const char *unit = word + digits;
    return digits && (strcmp(unit, "g") == 0 || strcmp(unit, "gb") == 0 || strcmp(unit, "gib") == 0);
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

static bool same_family(const model *a, const model *b)
{
    return strcmp(a->family, b->family) == 0;
}

/* The first size that is given decides, and a size that this family is not sold in leaves the family. */
static const model *variant(const model *family, const spelling *s)
{
    for (size_t w = 0; w < s->n; w++) {
        if (!is_any_size(s->word[w]))
            continue;
        for (size_t i = 0; i < GW_COUNT(models); i++)
            if (models[i].size && same_family(&models[i], family) && is_size(s->word[w], models[i].size))
                return &models[i];
        return family;
    }
    for (size_t i = 0; i < GW_COUNT(models); i++)
        for (size_t w = 0; models[i].form && same_family(&models[i], family) && w < s->n; w++)
            if (has_word(models[i].form, s->word[w]))
                return &models[i];
    return family;
}

static const model *find(const char *canonical)
{
    for (size_t i = 0; canonical && i < GW_COUNT(models); i++)
        if (strcmp(models[i].name, canonical) == 0)
            return &models[i];
    return NULL;
}

const char *gw_gpu_canonical(const char *name)
{
    if (!name)
        return NULL;
    for (size_t i = 0; i < GW_COUNT(exact); i++)
        if (strcasecmp(name, exact[i].label) == 0)
            return exact[i].name;
    const model *same = find(name); /* most names are canonical already */
    if (same)
        return same->name;
    spelling s;
    split(name, &s);
    const model *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < GW_COUNT(models); i++) {
        size_t words = models[i].size ? 0 : stands_in(&s, &models[i]);
        if (words > most) {
            most = words;
            best = &models[i];
        }
    }
    return best ? variant(best, &s)->name : NULL;
}

const char *gw_gpu_family(const char *canonical)
{
    const model *m = find(canonical);
    return m ? m->family : canonical;
}

const char *gw_gpu_sized(const char *canonical, int64_t memory_mib)
{
    const model *m = find(canonical);
    if (!m || m->size || m->gib)
        return canonical;
    for (size_t i = 0; i < GW_COUNT(models); i++) {
        int64_t mib = (int64_t)models[i].gib * 1024;
        if (models[i].size && same_family(&models[i], m) && memory_mib <= mib && memory_mib * 100 >= mib * 90)
            return models[i].name;
    }
    return canonical;
}

bool gw_gpu_is(const char *canonical, const char *wanted)
{
    return canonical && wanted &&
           (strcmp(canonical, wanted) == 0 || strcmp(gw_gpu_family(canonical), wanted) == 0);
}

int64_t gw_gpu_memory_mib(const char *canonical)
{
    const model *m = find(canonical);
    return m && m->gib ? (int64_t)m->gib * 1024 : -1;
}

const char *gw_gpu_name_at(size_t i)
{
    return i < GW_COUNT(models) ? models[i].name : NULL;
}
