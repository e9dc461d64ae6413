#ifndef KFT_TEST_WORLD_H
#define KFT_TEST_WORLD_H

#include "child.h"
#include "kube/cluster.h"
#include "kube/resolver.h"
#include "test-loop.h"

/* A fake API server with its control port, and resolvers that are observed. Thread: one. */
typedef struct {
    KftTestLoop loop;
    KftTestChild server;
    char *dir;
    KftEndpoint *control;
    KftKubeconfig *config;
    KftCluster *cluster;
    KftKubeContext context; /* of the cluster */
} World;

/* @world: the world file with ' for ", NULL = the built-in one. @context: of the kubeconfig. */
void world_init(World *self, const char *world, const char *context);
void world_clear(World *self);
/* Uses another context. */
void world_use(World *self, const char *context);
/* Uses the current user with her token in a file instead of the kubeconfig; returns the file. */
char *world_use_token_file(World *self);
/* One request to the control port; it must succeed. @body: with ' for ", nullable. (transfer full).
 */
char *world_control(World *self, const char *method, const char *path, const char *body);
void world_put_pod(World *self, const char *name, const char *labels);
void world_delete_pod(World *self, const char *name);

/* Everything that a resolver gave out, as lines: "web-0=80 web-1=80", "wait: …", "error: …",
 * "final: …". */
typedef struct {
    World *world;
    KftResolver *resolver;
    GPtrArray *lines;
    guint free_after; /* frees the resolver in the callback with this number; 0 = never */
} Observer;

/* @ports: separated by spaces. @target: "-l …" for a selector. */
void observer_init(
    Observer *self, World *world, const char *target, const char *namespace_, const char *ports);
void observer_clear(Observer *self);
/* Waits until the last line matches @pattern (glob). */
void observer_wait(Observer *self, const char *pattern);
/* The same for a line behind the first @n_lines. */
void observer_wait_new(Observer *self, guint n_lines, const char *pattern);
/* Waits until there are that many lines; no more may come. */
void observer_wait_lines(Observer *self, guint n_lines);
/* Resolves @target once; the first line must match. */
void observer_check_first(World *world, const char *target, const char *ports, const char *pattern);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(World, world_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Observer, observer_clear)

#endif
