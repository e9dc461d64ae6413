#ifndef KFT_KUBE_YAML_NODE_H
#define KFT_KUBE_YAML_NODE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* A YAML (or JSON) text as a tree with the place of every node. Bounded: depth, number of nodes
 * (those that aliases repeat included) and size of the text. Duplicate keys, keys that are not
 * scalars, recursive aliases and NUL characters are refused. Only the first document of a stream is
 * read. For this module and relay. Thread: any, one at a time. */

#define KFT_YAML_MAX_TEXT_BYTES ((size_t)16 << 20)
#define KFT_YAML_MAX_NODES 100000
#define KFT_YAML_MAX_DEPTH 64

typedef enum {
    KFT_YAML_SCALAR,
    KFT_YAML_SEQUENCE,
    KFT_YAML_MAPPING,
} KftYamlKind;

typedef enum {
    KFT_YAML_STYLE_PLAIN,  /* scalars without quotes whose type is implicit */
    KFT_YAML_STYLE_QUOTED, /* scalars in quotes, or with an explicit tag */
    KFT_YAML_STYLE_BLOCK,  /* scalars after "|" or ">", collections by indentation */
    KFT_YAML_STYLE_FLOW,   /* collections in brackets, as in JSON */
} KftYamlStyle;

typedef struct {
    KftYamlKind kind;
    KftYamlStyle style;
    unsigned line; /* from 1 */
    unsigned column;
    size_t start; /* byte offsets in the text: of a scalar with its quotes and anchor */
    size_t end;
    char *text;          /* scalars only */
    GPtrArray *children; /* items; of a mapping key, value, key, value, … */
    unsigned n_aliases;  /* that refer to this node */
    /* For the limits while loading: the nodes and levels of this subtree, itself included. */
    size_t n_nodes;
    unsigned height;
    bool is_open;
} KftYamlNode;

typedef struct KftYamlDocument KftYamlDocument;

/* @name: stands for the text in errors, "NAME:LINE:COLUMN: what". Errors: BAD_CONFIG, LIMIT. */
KftYamlDocument *kft_yaml_parse(const char *text, size_t size, const char *name, GError **error);
/* Overwrites all scalars. NULL is allowed. */
void kft_yaml_free(KftYamlDocument *self);
/* NULL if the text is empty. */
const KftYamlNode *kft_yaml_get_root(const KftYamlDocument *self);

/* The value of @key, or NULL if there is none; @map: nullable, a mapping. */
const KftYamlNode *kft_yaml_get(const KftYamlNode *map, const char *key);
/* Whether @node is missing or null. */
bool kft_yaml_is_null(const KftYamlNode *node);
/* "a mapping", "a list" or "text", for messages. */
const char *kft_yaml_kind_name(const KftYamlNode *node);
/* The subtree as JSON. Returns: (transfer full). */
char *kft_yaml_dup_json(const KftYamlNode *node);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftYamlDocument, kft_yaml_free)

#endif
