/* Programs that are run for their output. */
#include <glib/gstdio.h>
#include <kftray/error.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "net/process.h"
#include "test-loop.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

typedef struct {
    KftTestLoop test;
    KftProcess *process;
    char *output;
    size_t size;
    GError *error;
    unsigned n_done;
    bool frees;
    bool is_done;
} Fixture;

static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", "COLOUR=blue", NULL};

static void set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_test_loop_init(&fixture->test);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_process_free(fixture->process);
    g_free(fixture->output);
    g_clear_error(&fixture->error);
    kft_test_loop_clear(&fixture->test);
}

static void on_process_done(const char *output, size_t size, const GError *error, void *user_data)
{
    Fixture *fixture = user_data;
    g_assert_true((output == NULL) != (error == NULL));
    fixture->n_done++;
    fixture->is_done = true;
    if (fixture->frees)
        kft_process_free(g_steal_pointer(&fixture->process));
    if (error != NULL) {
        fixture->error = g_error_copy(error);
        g_test_message("%s: %s", kft_error_code_name((KftErrorCode)error->code), error->message);
        return;
    }
    g_assert_cmpint(output[size], ==, '\0');
    fixture->output = g_strdup(output);
    fixture->size = size;
}

static void start(Fixture *fixture, const char *const *argv, uint32_t timeout_ms, bool inherit)
{
    KftProcessSpec spec = {.argv = argv,
                           .environment = environment,
                           .inherit_stdin = inherit,
                           .timeout_ms = timeout_ms,
                           .max_output_bytes = 1000};
    fixture->process = kft_process_start(fixture->test.loop, &spec, on_process_done, fixture);
    g_assert_false(fixture->is_done);
}

static void run(Fixture *fixture, const char *const *argv)
{
    start(fixture, argv, 20000, /* inherit */ false);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_cmpuint(fixture->n_done, ==, 1);
}

static void run_script(Fixture *fixture, const char *script)
{
    run(fixture, (const char *const[]){"sh", "-c", script, NULL});
}

static void assert_error(const Fixture *fixture, int code, const char *pattern)
{
    g_assert_error(fixture->error, KFT_ERROR, code);
    if (!g_pattern_match_simple(pattern, fixture->error->message))
        g_error("\"%s\" does not match \"%s\"", fixture->error->message, pattern);
}

static void test_output(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_script(fixture, "printf '%s %s' \"$COLOUR\" \"$HOME\"; cat");
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(fixture->output, ==, "blue ");
    g_assert_cmpuint(fixture->size, ==, 5);
}

static void test_empty_output(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_script(fixture, ":");
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->size, ==, 0);
}

static void test_exit_status(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_script(fixture, "echo first >&2; printf 'last\\twords\\n\\n' >&2; exit 3");
    assert_error(fixture, KFT_ERROR_REFUSED, "sh ended with status 3: last words");
}

static void test_stderr_hides_credentials(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_script(fixture, "printf 'Authorization: Bearer abc123' >&2; exit 1");
    assert_error(fixture, KFT_ERROR_REFUSED, "sh ended with status 1: Authorization: *<redacted>*");
    g_assert_null(strstr(fixture->error->message, "abc123"));
}

static void test_signal(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_script(fixture, "kill -KILL $$");
    assert_error(fixture, KFT_ERROR_REFUSED, "sh was ended by signal 9");
}

static void test_limit(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_script(fixture, "while :; do echo 0123456789; done");
    assert_error(fixture, KFT_ERROR_LIMIT, "sh printed more than 1000 bytes");
}

static void test_exactly_the_limit(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_script(fixture, "printf '%01000d' 0");
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->size, ==, 1000);
}

static void test_timeout(Fixture *fixture, gconstpointer data)
{
    (void)data;
    /* The child of the shell is in the way too: only the group's end closes the pipes. */
    start(fixture, (const char *const[]){"sh", "-c", "sleep 1000; :", NULL}, 50,
          /* inherit */ false);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    assert_error(fixture, KFT_ERROR_TIMEOUT, "sh did not end within 0.05 seconds");
}

static void test_timeout_ignores_term(Fixture *fixture, gconstpointer data)
{
    (void)data;
    start(fixture,
          (const char *const[]){"sh", "-c", "trap '' TERM; while :; do sleep 1; done", NULL}, 50,
          /* inherit */ false);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    assert_error(fixture, KFT_ERROR_TIMEOUT, "sh did not end within 0.05 seconds");
}

/* A helper that lives on with the pipes in its hands does not hold the result back. */
static void test_helper_keeps_pipes(Fixture *fixture, gconstpointer data)
{
    (void)data;
    gint64 start_us = g_get_monotonic_time();
    run_script(fixture, "sleep 1000 & echo $!");
    g_assert_no_error(fixture->error);
    g_assert_cmpint(g_get_monotonic_time() - start_us, <, (gint64)10 * G_USEC_PER_SEC);
    g_assert_cmpint(kill((pid_t)g_ascii_strtoll(fixture->output, NULL, 10), SIGKILL), ==, 0);
}

static void test_missing(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run(fixture, (const char *const[]){"kft-no-such-program", "a", NULL});
    assert_error(fixture, KFT_ERROR_NOT_FOUND, "kft-no-such-program: no such program in PATH");
}

static void test_missing_path(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run(fixture, (const char *const[]){"/nonexistent/plugin", NULL});
    assert_error(fixture, KFT_ERROR_NOT_FOUND, "/nonexistent/plugin: no such program");
}

static void run_file(Fixture *fixture, const char *text, int mode, int code, const char *pattern)
{
    g_autofree char *folder = g_dir_make_tmp("kft-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "plugin", NULL);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    g_assert_cmpint(g_chmod(file, mode), ==, 0);
    run(fixture, (const char *const[]){file, NULL});
    assert_error(fixture, code, pattern);
    kft_test_remove_folder(folder);
}

static void test_not_executable(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_file(fixture, "#!/bin/sh\n", 0644, KFT_ERROR_BAD_CONFIG, "*/plugin is not executable");
}

static void test_no_interpreter(Fixture *fixture, gconstpointer data)
{
    (void)data;
    run_file(fixture, "#!/nonexistent/sh\n", 0755, KFT_ERROR_BAD_CONFIG,
             "*/plugin cannot be run: the interpreter *");
}

static void test_free_in_done(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->frees = true;
    run_script(fixture, "echo hello");
    g_assert_cmpstr(fixture->output, ==, "hello\n");
}

static void test_free_in_done_of_missing(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->frees = true;
    run(fixture, (const char *const[]){"kft-no-such-program", NULL});
}

static void test_cancel(Fixture *fixture, gconstpointer data)
{
    (void)data;
    start(fixture, (const char *const[]){"sleep", "1000", NULL}, 0, /* inherit */ false);
    kft_process_free(g_steal_pointer(&fixture->process));
    start(fixture, (const char *const[]){"sleep", "1000", NULL}, 0, /* inherit */ true);
    kft_test_loop_run_for(&fixture->test, 20);
    kft_process_free(g_steal_pointer(&fixture->process));
    start(fixture, (const char *const[]){"kft-no-such-program", NULL}, 0, /* inherit */ false);
    kft_process_free(g_steal_pointer(&fixture->process));
    kft_process_free(NULL);
    kft_loop_run(fixture->test.loop);
    g_assert_cmpuint(fixture->n_done, ==, 0);
}

/* stdin is what we have, and the program stays in our group so that it may read a terminal. */
static void test_inherited_stdin(void)
{
    if (g_test_subprocess()) {
        Fixture fixture = {0};
        int ends[2] = {-1, -1};
        g_assert_cmpint(pipe(ends), ==, 0);
        g_assert_cmpint(write(ends[1], "typed\n", 6), ==, 6);
        (void)close(ends[1]);
        g_assert_cmpint(dup2(ends[0], STDIN_FILENO), ==, STDIN_FILENO);
        (void)close(ends[0]);
        set_up(&fixture, NULL);
        start(&fixture, (const char *const[]){"sh", "-c", "cat; ps -o pgid= -p $$", NULL}, 20000,
              /* inherit */ true);
        kft_test_loop_run_until_true(&fixture.test, &fixture.is_done);
        g_assert_no_error(fixture.error);
        g_auto(GStrv) lines = g_strsplit(fixture.output, "\n", -1);
        g_assert_cmpstr(lines[0], ==, "typed");
        g_assert_cmpint(g_ascii_strtoll(lines[1], NULL, 10), ==, getpgrp());
        tear_down(&fixture, NULL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void test_stderr_passes_through(void)
{
    if (g_test_subprocess()) {
        Fixture fixture = {0};
        set_up(&fixture, NULL);
        run_script(&fixture, "echo 'please log in' >&2");
        g_assert_no_error(fixture.error);
        tear_down(&fixture, NULL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*please log in\n*");
}

#define ADD(name, func) g_test_add("/net/process/" name, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("output", test_output);
    ADD("empty-output", test_empty_output);
    ADD("exit-status", test_exit_status);
    ADD("stderr-hides-credentials", test_stderr_hides_credentials);
    ADD("signal", test_signal);
    ADD("limit", test_limit);
    ADD("exactly-the-limit", test_exactly_the_limit);
    ADD("timeout", test_timeout);
    ADD("timeout-ignores-term", test_timeout_ignores_term);
    ADD("helper-keeps-pipes", test_helper_keeps_pipes);
    ADD("missing", test_missing);
    ADD("missing-path", test_missing_path);
    ADD("not-executable", test_not_executable);
    ADD("no-interpreter", test_no_interpreter);
    ADD("free-in-done", test_free_in_done);
    ADD("free-in-done-of-missing", test_free_in_done_of_missing);
    ADD("cancel", test_cancel);
    g_test_add_func("/net/process/inherited-stdin", test_inherited_stdin);
    g_test_add_func("/net/process/stderr-passes-through", test_stderr_passes_through);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
