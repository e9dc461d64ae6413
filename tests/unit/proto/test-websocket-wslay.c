/* Our WebSocket code against wslay: what it writes as a server we must read, what it refuses we
 * must refuse, what we write it must read, on random sequences of frames. */
#include <string.h>
#include <wslay/wslay.h>

#include "events.h"
#include "proto/websocket.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define N_SEQUENCES 3000

/* Bytes for wslay to read, in random pieces, and what it read, as text in the form of events.h. */
typedef struct {
    const GByteArray *bytes;
    size_t at;
    GString *text;
    bool is_control;
    bool is_final;
    unsigned opcode;
    unsigned message_opcode;
} Judge;

static void add_server_frame(GByteArray *out, uint8_t first, uint8_t mask_bit, size_t size)
{
    uint8_t head[10] = {first, (uint8_t)(mask_bit | size)};
    guint head_size = 2;

    if (size > UINT16_MAX) {
        head[1] = mask_bit | 127;
        for (size_t i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
        head_size = 10;
    } else if (size > 125) {
        head[1] = mask_bit | 126;
        head[2] = (uint8_t)(size >> 8);
        head[3] = (uint8_t)size;
        head_size = 4;
    }
    g_byte_array_append(out, head, head_size);
    for (size_t i = 0; i < size; i++) {
        /* ASCII: wslay checks the text of text messages and of closes, we do not. */
        uint8_t byte = (uint8_t)g_test_rand_int_range('a', 'z');
        g_byte_array_append(out, &byte, 1);
    }
}

static size_t random_size(void)
{
    switch (g_test_rand_int_range(0, 12)) {
    case 0:
        return 0;
    case 1:
        return (size_t)g_test_rand_int_range(120, 132);
    case 2:
        return (size_t)g_test_rand_int_range(65530, 65545);
    default:
        return (size_t)g_test_rand_int_range(1, 40);
    }
}

/* One frame that breaks the protocol, or seems to: what it is depends on whether a message is open.
 */
static void add_doubtful_frame(GByteArray *out)
{
    static const uint8_t firsts[] = {0x80, 0x00, 0x82, 0x02, 0x81, 0xc2, 0xa2, 0x92, 0x83,
                                     0x87, 0x8b, 0x8f, 0x09, 0x0a, 0x08, 0x89, 0x8a};
    uint8_t first = firsts[g_test_rand_int_range(0, G_N_ELEMENTS(firsts))];

    switch (g_test_rand_int_range(0, 5)) {
    case 0: {
        const uint8_t not_shortest[] = {first, 126, 0, 5, 'a', 'a', 'a', 'a', 'a'};
        g_byte_array_append(out, not_shortest, sizeof not_shortest);
        break;
    }
    case 1: {
        const uint8_t not_shortest[] = {first, 127, 0, 0, 0, 0, 0, 0, 0, 1, 'a'};
        g_byte_array_append(out, not_shortest, sizeof not_shortest);
        break;
    }
    case 2:
        add_server_frame(out, first, 0x80, 5);
        break;
    default:
        add_server_frame(out, first, 0, random_size());
        break;
    }
}

static GByteArray *make_server_frames(void)
{
    GByteArray *out = g_byte_array_new();
    bool in_message = false;
    int n_frames = g_test_rand_int_range(1, 12);

    for (int i = 0; i < n_frames; i++) {
        int kind = g_test_rand_int_range(0, 10);
        if (kind == 0) {
            add_server_frame(out, 0x89, 0, random_size() % 126);
        } else if (kind == 1) {
            add_server_frame(out, 0x8a, 0, random_size() % 126);
        } else if (kind == 2 && g_test_rand_bit()) {
            add_doubtful_frame(out);
        } else {
            bool is_final = g_test_rand_bit();
            uint8_t opcode = in_message          ? KFT_WS_CONTINUATION
                             : g_test_rand_bit() ? KFT_WS_TEXT
                                                 : KFT_WS_BINARY;
            add_server_frame(out, (uint8_t)((is_final ? 0x80 : 0) | opcode), 0, random_size());
            in_message = !is_final;
        }
    }
    if (g_test_rand_bit()) {
        const uint8_t close[] = {0x88, 0x04, 0x03, 0xe8, 'o', 'k'};
        g_byte_array_append(out, close, sizeof close);
    }
    return out;
}

static ssize_t
on_judge_recv(wslay_event_context_ptr context, uint8_t *buf, size_t size, int flags, void *data)
{
    Judge *self = data;
    size_t left = self->bytes->len - self->at;

    (void)flags;
    if (left == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t wanted = (size_t)g_test_rand_int_range(1, 3000);
    size_t n = MIN(MIN(left, size), wanted);
    memcpy(buf, self->bytes->data + self->at, n);
    self->at += n;
    return (ssize_t)n;
}

static void on_judge_start(wslay_event_context_ptr context,
                           const struct wslay_event_on_frame_recv_start_arg *arg,
                           void *data)
{
    Judge *self = data;

    (void)context;
    self->is_control = wslay_is_ctrl_frame(arg->opcode);
    self->is_final = arg->fin;
    self->opcode = arg->opcode;
    if (!self->is_control && arg->opcode != WSLAY_CONTINUATION_FRAME)
        self->message_opcode = arg->opcode;
    if (!self->is_control)
        g_string_append_printf(self->text, "(%u ", self->message_opcode);
}

static void on_judge_chunk(wslay_event_context_ptr context,
                           const struct wslay_event_on_frame_recv_chunk_arg *arg,
                           void *data)
{
    Judge *self = data;
    (void)context;
    if (!self->is_control)
        kft_append_hex(self->text, arg->data, arg->data_length);
}

static void on_judge_end(wslay_event_context_ptr context, void *data)
{
    Judge *self = data;
    (void)context;
    if (!self->is_control)
        g_string_append(self->text, self->is_final ? ")!" : ")");
}

static void on_judge_message(wslay_event_context_ptr context,
                             const struct wslay_event_on_msg_recv_arg *arg,
                             void *data)
{
    Judge *self = data;
    (void)context;
    if (!wslay_is_ctrl_frame(arg->opcode))
        return;
    g_string_append_printf(self->text, "<%u ", arg->opcode);
    kft_append_hex(self->text, arg->msg, arg->msg_length);
    if (arg->opcode == WSLAY_CONNECTION_CLOSE)
        g_string_append_printf(self->text, " %u", arg->status_code);
    g_string_append_c(self->text, '>');
}

/* Returns: (transfer full) what wslay's client reads; sets @ret_is_refused if it found an error. */
static char *judge_server_frames(const GByteArray *bytes, bool *ret_is_refused)
{
    Judge self = {.bytes = bytes, .text = g_string_new(NULL)};
    struct wslay_event_callbacks callbacks = {
        .recv_callback = on_judge_recv,
        .on_frame_recv_start_callback = on_judge_start,
        .on_frame_recv_chunk_callback = on_judge_chunk,
        .on_frame_recv_end_callback = on_judge_end,
        .on_msg_recv_callback = on_judge_message,
    };
    wslay_event_context_ptr context = NULL;

    g_assert_cmpint(wslay_event_context_client_init(&context, &callbacks, &self), ==, 0);
    wslay_event_config_set_no_buffering(context, 1);
    /* A short read ends the call, too. */
    int result = 0;
    size_t before = 0;
    do {
        before = self.at;
        result = wslay_event_recv(context);
    } while (result == 0 && self.at > before);
    *ret_is_refused = result != 0 || (!wslay_event_get_read_enabled(context) &&
                                      !wslay_event_get_close_received(context));
    wslay_event_context_free(context);
    return g_string_free(self.text, FALSE);
}

/* wslay judges some frames when they end, we when they begin: then wslay may say less than we did
 * of the frame before the error, never more. Both agree on the error itself. */
static void test_read(void)
{
    unsigned n_refused = 0;

    for (unsigned i = 0; i < N_SEQUENCES; i++) {
        g_autoptr(GByteArray) bytes = make_server_frames();
        bool is_refused = false;
        g_autofree char *theirs = judge_server_frames(bytes, &is_refused);
        g_autofree char *ours = kft_events_whole(KFT_EVENTS_WEBSOCKET, bytes->data, bytes->len);
        char *error = strstr(ours, "protocol error");
        if ((error != NULL) != is_refused)
            g_error("ours ends with \"%s\", theirs with \"%s\"",
                    ours + MAX(strlen(ours), 200) - 200, theirs + MAX(strlen(theirs), 200) - 200);
        if (error != NULL) {
            *error = '\0';
            g_strchomp(ours);
            n_refused++;
        }
        g_assert_cmpstr(ours, ==, theirs);
    }
    /* The generator makes both kinds. */
    g_assert_cmpuint(n_refused, >, N_SEQUENCES / 20);
    g_assert_cmpuint(n_refused, <, N_SEQUENCES);
}

static ssize_t on_frame_recv(uint8_t *buf, size_t size, int flags, void *data)
{
    Judge *self = data;
    size_t left = self->bytes->len - self->at;

    (void)flags;
    if (left == 0)
        return -1;
    size_t wanted = (size_t)g_test_rand_int_range(1, 3000);
    size_t n = MIN(MIN(left, size), wanted);
    memcpy(buf, self->bytes->data + self->at, n);
    self->at += n;
    return (ssize_t)n;
}

/* Writes one random frame with our code; appends what it means to @expected. */
static void add_client_frame(GByteArray *out, GString *expected)
{
    static const unsigned opcodes[] = {KFT_WS_TEXT, KFT_WS_BINARY, KFT_WS_PING, KFT_WS_PONG,
                                       KFT_WS_CLOSE};
    unsigned opcode = opcodes[g_test_rand_int_range(0, G_N_ELEMENTS(opcodes))];
    bool is_control = opcode >= KFT_WS_CLOSE;
    size_t size = is_control ? random_size() % 126 : random_size();
    g_autofree uint8_t *payload = g_malloc(size + 1);
    uint8_t mask[4];
    uint8_t head[KFT_WS_MAX_HEAD_BYTES + KFT_WS_MAX_CONTROL_BYTES];

    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t)g_test_rand_int();
    for (size_t i = 0; i < sizeof mask; i++)
        mask[i] = (uint8_t)g_test_rand_int();
    g_string_append_printf(expected, "%u:", opcode);
    kft_append_hex(expected, payload, size);
    g_string_append_c(expected, ' ');
    if (is_control) {
        size_t n = kft_ws_write_control(head, opcode, payload, size, mask);
        g_byte_array_append(out, head, (guint)n);
        return;
    }
    g_byte_array_append(out, head, (guint)kft_ws_write_head(head, opcode, size, mask));
    kft_ws_mask(payload, size, mask, 0);
    g_byte_array_append(out, payload, (guint)size);
}

/* Returns: (transfer full) what wslay's frame reader reads and unmasks. */
static char *judge_client_frames(const GByteArray *bytes)
{
    Judge self = {.bytes = bytes};
    struct wslay_frame_callbacks callbacks = {.recv_callback = on_frame_recv};
    wslay_frame_context_ptr context = NULL;
    GString *text = g_string_new(NULL);
    uint64_t remaining = 0;
    bool is_in_frame = false;

    g_assert_cmpint(wslay_frame_context_init(&context, &callbacks, &self), ==, 0);
    for (;;) {
        struct wslay_frame_iocb frame = {0};
        size_t before = self.at;
        ssize_t n = wslay_frame_recv(context, &frame);
        if (n == WSLAY_ERR_WANT_READ && self.at > before)
            continue; /* a short read */
        if (n == WSLAY_ERR_WANT_READ)
            break;
        g_assert_cmpint(n, >=, 0);
        if (!is_in_frame) {
            g_assert_cmpuint(frame.mask, ==, 1);
            g_assert_cmpuint(frame.fin, ==, 1);
            g_assert_cmpuint(frame.rsv, ==, 0);
            remaining = frame.payload_length;
            g_string_append_printf(text, "%u:", frame.opcode);
        }
        kft_append_hex(text, frame.data, frame.data_length);
        remaining -= frame.data_length;
        is_in_frame = remaining > 0;
        if (!is_in_frame)
            g_string_append_c(text, ' ');
    }
    wslay_frame_context_free(context);
    return g_string_free(text, FALSE);
}

static void test_write(void)
{
    for (unsigned i = 0; i < N_SEQUENCES / 10; i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GString) expected = g_string_new(NULL);
        int n_frames = g_test_rand_int_range(1, 12);
        for (int n = 0; n < n_frames; n++)
            add_client_frame(bytes, expected);
        g_autofree char *theirs = judge_client_frames(bytes);
        g_assert_cmpstr(theirs, ==, expected->str);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/websocket/wslay/read", test_read);
    g_test_add_func("/proto/websocket/wslay/write", test_write);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
