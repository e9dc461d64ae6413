/* Questions to clusters: the engine's answers find their way back to who asked. */
#include "core-priv.h"

typedef struct {
    KftAnswerFunc done;
    GWeakRef owner;
} Question;

static void question_free(gpointer data)
{
    Question *self = data;
    g_weak_ref_clear(&self->owner);
    g_free(self);
}

GHashTable *kft_core_make_questions(void)
{
    return g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, question_free);
}

uint32_t kft_core_ask(KftCore *self, KftQuery *query, KftAnswerFunc done, GObject *owner)
{
    Question *question = g_new0(Question, 1);
    uint32_t id = ++self->last_question;

    question->done = done;
    g_weak_ref_init(&question->owner, owner);
    g_hash_table_insert(self->questions, GUINT_TO_POINTER(id), question);
    query->id.v = id;
    kft_bridge_post(self->bridge, kft_command_new_query(query));
    return id;
}

void kft_core_cancel(KftCore *self, uint32_t id)
{
    if (g_hash_table_remove(self->questions, GUINT_TO_POINTER(id)))
        kft_bridge_post(self->bridge, kft_command_new_cancel_query((KftQueryId){id}));
}

void kft_core_on_answer(KftCore *self, const KftAnswer *answer)
{
    gpointer value = NULL;

    if (!g_hash_table_steal_extended(self->questions, GUINT_TO_POINTER(answer->id.v), NULL, &value))
        return;
    Question *question = value;
    g_autoptr(GObject) owner = g_weak_ref_get(&question->owner);
    if (owner != NULL)
        question->done(owner, answer);
    question_free(question);
}

uint32_t kft_core_diagnose(KftCore *self, KftForwardItem *item, GError **error)
{
    const KftConfig *config = kft_forward_item_get_config(item);
    KftForwardSpec *spec = kft_config_to_spec(config, error);

    if (spec == NULL)
        return 0;
    if (kft_forward_item_is_active(item)) {
        /* That its own local port is taken, by itself, is nothing wrong. */
        g_strfreev(spec->ports);
        spec->ports = g_new0(char *, 2);
        spec->ports[0] = g_strdup_printf(":%u", config->remote_port);
    }
    uint32_t id = ++self->last_question;
    kft_bridge_post(self->bridge, kft_command_new_diagnose((KftForwardId){id}, spec));
    return id;
}

void kft_core_stop_diagnosis(KftCore *self, uint32_t id)
{
    if (id != 0)
        kft_bridge_post(self->bridge, kft_command_new_stop_diagnosis((KftForwardId){id}));
}
