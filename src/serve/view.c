#include "serve/view.h"

gw_view *gw_view_new(void)
{
    gw_view *v = gw_calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    if (pthread_mutex_init(&v->lock, NULL)) {
        gw_free(v);
        return NULL;
    }
    gw_pipeline_init(&v->p);
    gw_plan_init(&v->plan);
    atomic_init(&v->refs, 1);
    return v;
}

gw_view *gw_view_hold(gw_view *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void gw_view_release(gw_view *v)
{
    if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
        return;
    gw_plan_free(&v->plan);
    gw_free(v->hours);
    gw_free(v->cells);
    gw_pipeline_free(&v->p);
    pthread_mutex_destroy(&v->lock);
    gw_free(v);
}
