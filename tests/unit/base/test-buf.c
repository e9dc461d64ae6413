#include <glib.h>
#include <string.h>

#include "base/buf.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define LIMIT 5000

/* The queue and a model that it must equal after every step. */
typedef struct {
    KftBuf buf;
    GByteArray *model;
} Pair;

static void pair_init(Pair *self, size_t limit)
{
    kft_buf_init(&self->buf, limit);
    self->model = g_byte_array_new();
}

static void pair_clear(Pair *self)
{
    kft_buf_clear(&self->buf);
    g_byte_array_unref(self->model);
}

static bool holds(const KftBuf *buf, const void *data, size_t size)
{
    return kft_buf_size(buf) == size && (size == 0 || memcmp(kft_buf_data(buf), data, size) == 0);
}

static void pair_check(const Pair *self)
{
    g_assert_true(holds(&self->buf, self->model->data, self->model->len));
    g_assert_cmpuint(kft_buf_room(&self->buf), ==, self->buf.limit_bytes - self->model->len);
    g_assert_cmpuint(self->buf.capacity_bytes, <=, MAX(self->buf.limit_bytes, 1024));
}

static void pair_append(Pair *self, size_t size)
{
    g_autofree uint8_t *data = g_malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)g_test_rand_int();
    KftResult result = kft_buf_append(&self->buf, data, size);
    if (self->model->len + size > self->buf.limit_bytes) {
        g_assert_cmpint(result, ==, KFT_R_LIMIT);
        return;
    }
    g_assert_cmpint(result, ==, KFT_R_OK);
    g_byte_array_append(self->model, data, (guint)size);
}

static void pair_write(Pair *self, size_t size)
{
    uint8_t *room = kft_buf_reserve(&self->buf, size);
    if (self->model->len + size > self->buf.limit_bytes) {
        g_assert_null(room);
        return;
    }
    g_assert_nonnull(room);
    /* Less than reserved may be committed. */
    size_t written = size == 0 ? 0 : (size_t)g_test_rand_int_range(0, (gint32)size + 1);
    memset(room, (int)(size & 0xff), size);
    kft_buf_commit(&self->buf, written);
    g_byte_array_append(self->model, room, (guint)written);
}

static void pair_step(Pair *self)
{
    size_t size = (size_t)g_test_rand_int_range(0, g_test_rand_bit() ? 40 : LIMIT / 2);
    size_t held = MIN(size, self->model->len);

    switch (g_test_rand_int_range(0, 5)) {
    case 0:
        pair_append(self, size);
        break;
    case 1:
        pair_write(self, size);
        break;
    case 2:
        kft_buf_consume(&self->buf, held);
        if (held > 0)
            g_byte_array_remove_range(self->model, 0, (guint)held);
        break;
    case 3:
        kft_buf_truncate(&self->buf, held);
        g_byte_array_set_size(self->model, self->model->len - (guint)held);
        break;
    default:
        if (g_test_rand_int_range(0, 30) == 0) {
            kft_buf_clear(&self->buf);
            g_byte_array_set_size(self->model, 0);
        }
        break;
    }
}

static void test_model(void)
{
    static const size_t limits[] = {1, 100, 1024, LIMIT, 8192, 1 << 20};

    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        Pair pair;
        pair_init(&pair, limits[i]);
        for (unsigned step = 0; step < 5000; step++) {
            pair_step(&pair);
            pair_check(&pair);
        }
        pair_clear(&pair);
    }
}

static void test_empty(void)
{
    KftBuf buf;

    kft_buf_init(&buf, 10);
    g_assert_cmpuint(kft_buf_size(&buf), ==, 0);
    g_assert_cmpuint(kft_buf_room(&buf), ==, 10);
    (void)kft_buf_data(&buf);
    kft_buf_consume(&buf, 0);
    kft_buf_truncate(&buf, 0);
    g_assert_cmpint(kft_buf_append(&buf, NULL, 0), ==, KFT_R_OK);
    /* No bytes have room in an empty queue. */
    g_assert_nonnull(kft_buf_reserve(&buf, 0));
    kft_buf_commit(&buf, 0);
    kft_buf_clear(&buf);
    kft_buf_clear(&buf);
    g_assert_cmpint(kft_buf_append(&buf, "x", 1), ==, KFT_R_OK);
    kft_buf_clear(&buf);
}

static void test_limit(void)
{
    KftBuf buf;

    kft_buf_init(&buf, 4);
    g_assert_cmpint(kft_buf_append(&buf, "abcde", 5), ==, KFT_R_LIMIT);
    g_assert_cmpuint(kft_buf_size(&buf), ==, 0);
    g_assert_cmpint(kft_buf_append(&buf, "abcd", 4), ==, KFT_R_OK);
    g_assert_cmpint(kft_buf_append(&buf, "e", 1), ==, KFT_R_LIMIT);
    g_assert_null(kft_buf_reserve(&buf, 1));
    g_assert_null(kft_buf_reserve(&buf, SIZE_MAX));
    kft_buf_consume(&buf, 1);
    g_assert_cmpint(kft_buf_append(&buf, "e", 1), ==, KFT_R_OK);
    g_assert_true(holds(&buf, "bcde", 4));
    kft_buf_clear(&buf);
}

/* A burst must not stay resident; a small queue keeps its memory. */
static void test_memory_is_given_back(void)
{
    KftBuf buf;
    static const uint8_t data[200000];

    kft_buf_init(&buf, 1 << 20);
    g_assert_cmpint(kft_buf_append(&buf, data, 200000), ==, KFT_R_OK);
    kft_buf_consume(&buf, 200000);
    g_assert_cmpuint(buf.capacity_bytes, ==, 0);
    g_assert_cmpint(kft_buf_append(&buf, data, 100), ==, KFT_R_OK);
    const uint8_t *memory = buf.memory;
    kft_buf_consume(&buf, 100);
    g_assert_cmpint(kft_buf_append(&buf, data, 100), ==, KFT_R_OK);
    g_assert_true(buf.memory == memory);
    kft_buf_clear(&buf);
}

/* A stream through a queue that never gets empty is moved seldom, not at every append. */
static void check_steady_stream(size_t limit, unsigned most_moves)
{
    KftBuf buf;
    uint8_t piece[100] = {0};
    unsigned n_moves = 0;

    kft_buf_init(&buf, limit);
    for (unsigned i = 0; i < 600; i++)
        g_assert_cmpint(kft_buf_append(&buf, piece, sizeof piece), ==, KFT_R_OK);
    for (unsigned i = 0; i < 100000; i++) {
        size_t end = buf.end;
        g_assert_cmpint(kft_buf_append(&buf, piece, sizeof piece), ==, KFT_R_OK);
        if (buf.end != end + sizeof piece)
            n_moves++;
        kft_buf_consume(&buf, sizeof piece);
    }
    /* 10 MB through 60 KB. */
    g_assert_cmpuint(n_moves, <, most_moves);
    kft_buf_clear(&buf);
}

static void test_steady_stream(void)
{
    check_steady_stream(1 << 20, 200);
    /* Half full is the most that can be kept cheaply. */
    check_steady_stream(120400, 200);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/buf/model", test_model);
    g_test_add_func("/base/buf/empty", test_empty);
    g_test_add_func("/base/buf/limit", test_limit);
    g_test_add_func("/base/buf/memory-is-given-back", test_memory_is_given_back);
    g_test_add_func("/base/buf/steady-stream", test_steady_stream);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
