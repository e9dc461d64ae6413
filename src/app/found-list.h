#ifndef KFT_APP_FOUND_LIST_H
#define KFT_APP_FOUND_LIST_H

#include <kftray/query.h>

/* What a cluster offers to forward to, as texts for lists: targets, each with its ports. Thread:
 * ui. */
typedef struct {
    char *text;       /* "web", "app=web", "deploy/web" */
    GPtrArray *ports; /* of text: "80", "8080 (http)" */
    bool is_tcp;      /* at least one of the ports is */
} KftFound;

/* @answer: of SERVICES, PODS or WORKLOADS. Returns: (transfer full) GPtrArray of KftFound, free
 * function set. */
GPtrArray *kft_found_list_from_answer(const KftAnswer *answer);
/* (transfer none) (nullable) */
const KftFound *kft_found_list_find(const GPtrArray *list, const char *text);

#endif
