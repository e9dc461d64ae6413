/* How many silent ones are kept, and which go when there are more. */
#include "forward/held.h"

#define N_ITEMS (KFT_HELD_MAX + 3)

typedef struct {
    KftHeldList list;
    KftHeldItem items[N_ITEMS];
    GString *gone; /* their indexes */
} World;

static World world;

static void on_too_many(void *user_data)
{
    KftHeldItem *item = user_data;
    g_assert_null(item->list);
    g_string_append_printf(world.gone, "%zu ", (size_t)(item - world.items));
}

static void add(size_t index)
{
    kft_held_add(&world.list, &world.items[index], on_too_many, &world.items[index]);
    kft_held_limit(&world.list);
}

static void test_limit(void)
{
    world = (World){.gone = g_string_new(NULL)};
    for (size_t i = 0; i < KFT_HELD_MAX; i++)
        add(i);
    g_assert_cmpstr(world.gone->str, ==, "");
    add(KFT_HELD_MAX);
    g_assert_cmpstr(world.gone->str, ==, "0 ");
    /* One that goes on by itself makes room, wherever it is. */
    kft_held_remove(&world.items[1]);
    kft_held_remove(&world.items[7]);
    kft_held_remove(&world.items[7]);
    add(KFT_HELD_MAX + 1);
    add(0);
    g_assert_cmpstr(world.gone->str, ==, "0 ");
    add(KFT_HELD_MAX + 2);
    g_assert_cmpstr(world.gone->str, ==, "0 2 ");
    g_assert_cmpuint(world.list.items.length, ==, KFT_HELD_MAX);
    g_string_free(world.gone, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/forward/held/limit", test_limit);
    return g_test_run();
}
