/* The shelf of alerts (operate/alert.h) in the store: documents of kind "alert". */
#ifndef GW_OPERATE_ALERT_SHELF_H
#define GW_OPERATE_ALERT_SHELF_H

#include "operate/alert.h"
#include "store/store.h"

#define GW_ALERT_DOCUMENT_KIND "alert"

/* The store must outlive the shelf; like its handle, it is for one thread. NULL: a store that could not be
 * opened: everything fails with GW_ECONNECT, and alerts are told from memory. */
gw_alert_shelf gw_alert_shelf_of(gw_store *s);

#endif
