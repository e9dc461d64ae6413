/* Another search after each number of turns of the main loop since the last one: what is shown in
 * the end is what the last one finds, each row in view with its own controls, wherever it stands.
 */
#include <forward-list.h>
#include <forward-row.h>
#include <group-row.h>
#include <string.h>

#define N_FORWARDS 200
#define N_CONTEXTS 4
/* More than a search takes until its frame is drawn: those that hide, that fill, and the frame. */
#define N_TURNS 8
#define DEADLINE_SECONDS 60

static KftCore *core;
static GtkWidget *window;
static KftForwardList *list;

static GtkListBox *get_box(void)
{
    GtkWidget *viewport = gtk_bin_get_child(GTK_BIN(list));
    return GTK_LIST_BOX(gtk_bin_get_child(GTK_BIN(viewport)));
}

static void find_switch(GtkWidget *widget, gpointer user_data)
{
    GtkWidget **found = user_data;

    if (GTK_IS_SWITCH(widget))
        *found = widget;
    else if (GTK_IS_CONTAINER(widget))
        gtk_container_foreach(GTK_CONTAINER(widget), find_switch, user_data);
}

static bool has_own_switch(GtkWidget *row, const char *alias)
{
    g_autofree char *name = g_strdup_printf("Run %s", alias);
    GtkWidget *found = NULL;

    find_switch(row, &found);
    return found != NULL && gtk_widget_get_mapped(found) &&
           strcmp(atk_object_get_name(gtk_widget_get_accessible(found)), name) == 0;
}

/* What is wrong; NULL if nothing is. @place: scrolled to, or -1. */
static char *find_fault(const char *text, double place)
{
    GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(list));
    double value = gtk_adjustment_get_value(adjustment);
    double end = value + gtk_adjustment_get_page_size(adjustment);
    GtkListBoxRow *row = NULL;
    GtkAllocation at;
    int y = 0;

    if (place >= 0 && value != place)
        return g_strdup_printf("scrolled to %f, not %f", value, place);
    for (int i = 0; (row = gtk_list_box_get_row_at_index(get_box(), i)) != NULL; i++) {
        bool is_shown = gtk_widget_get_child_visible(GTK_WIDGET(row));
        const char *alias =
            KFT_IS_GROUP_ROW(row)
                ? NULL
                : kft_forward_item_get_config(kft_forward_row_get_item(KFT_FORWARD_ROW(row)))
                      ->alias;
        if (alias != NULL && is_shown != (strstr(alias, text) != NULL))
            return g_strdup_printf("%s is %s", alias, is_shown ? "shown" : "hidden");
        if (!is_shown)
            continue;
        gtk_widget_get_allocation(GTK_WIDGET(row), &at);
        if (at.y != y)
            return g_strdup_printf("row %d is at %d, not %d", i, at.y, y);
        y += at.height;
        if (y <= value || at.y >= end)
            continue;
        if (alias != NULL && !has_own_switch(GTK_WIDGET(row), alias))
            return g_strdup_printf("%s in view has not its own switch", alias);
        if (alias == NULL && !gtk_widget_get_mapped(gtk_bin_get_child(GTK_BIN(row))))
            return g_strdup_printf("row %d, a group's head in view, is empty", i);
    }
    return NULL;
}

static gboolean on_deadline(gpointer user_data)
{
    *(bool *)user_data = true;
    return G_SOURCE_REMOVE;
}

/* Until all is as it shall be, and then as long as there is work that could spoil it. */
static void expect(const char *text, double place)
{
    bool is_late = false;
    unsigned deadline = g_timeout_add_seconds(DEADLINE_SECONDS, on_deadline, &is_late);
    g_autofree char *fault = find_fault(text, place);

    while (!is_late && (fault != NULL || g_main_context_pending(NULL))) {
        (void)g_main_context_iteration(NULL, TRUE);
        g_free(fault);
        fault = find_fault(text, place);
    }
    if (is_late)
        g_error("\"%s\": %s", text, fault == NULL ? "does not come to rest" : fault);
    (void)g_source_remove(deadline);
}

static void turn(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        (void)g_main_context_iteration(NULL, FALSE);
}

static void test_other_search_meanwhile(void)
{
    static const char *const texts[] = {"-0", "-11", "", "9", "nothing", "-1", ""};

    for (unsigned n = 0; n <= N_TURNS; n++) {
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
            kft_forward_list_set_search(list, texts[i]);
            turn(n);
        }
        expect("", 0);
        kft_forward_list_set_search(list, "-11");
        turn(n);
        kft_forward_list_set_search(list, "-0");
        expect("-0", 0);
        kft_forward_list_set_search(list, "");
        expect("", 0);
    }
}

/* Back to where it was, though the view moved, and the list was shorter than that, meanwhile. */
static void test_place(void)
{
    GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(list));
    double place = 3000;

    for (unsigned n = 0; n <= N_TURNS; n++) {
        gtk_adjustment_set_value(adjustment, place);
        expect("", place);
        kft_forward_list_set_search(list, "-11");
        turn(n);
        kft_forward_list_set_search(list, "");
        turn(n);
        kft_forward_list_set_search(list, "-19");
        expect("-19", 0);
        kft_forward_list_set_search(list, "");
        expect("", place);
    }
}

/* To what was selected in the search, as little as needed. */
static void test_selected(void)
{
    GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(list));
    GtkAllocation at;

    gtk_adjustment_set_value(adjustment, 0);
    kft_forward_list_set_search(list, "-199");
    expect("-199", 0);
    kft_forward_list_select_all(list);
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(list);
    g_assert_cmpuint(items->len, ==, 1);
    kft_forward_list_set_search(list, "");
    expect("", -1);
    g_autoptr(GList) rows = gtk_list_box_get_selected_rows(get_box());
    gtk_widget_get_allocation(rows->data, &at);
    g_assert_cmpfloat(gtk_adjustment_get_value(adjustment) +
                          gtk_adjustment_get_page_size(adjustment),
                      ==, at.y + at.height);
    kft_forward_list_unselect_all(list);
}

static void on_counted(unsigned *n)
{
    (*n)++;
}

/* Until the next frame is drawn: all that was to be laid out then has been. */
static void await_frame(void)
{
    unsigned n_frames = 0;
    unsigned long handler = g_signal_connect_swapped(
        gtk_widget_get_frame_clock(window), "after-paint", G_CALLBACK(on_counted), &n_frames);

    while (g_main_context_pending(NULL))
        (void)g_main_context_iteration(NULL, FALSE);
    gtk_widget_queue_draw(window);
    while (n_frames == 0)
        (void)g_main_context_iteration(NULL, TRUE);
    g_signal_handler_disconnect(gtk_widget_get_frame_clock(window), handler);
}

/* Of one that is not in view, the second one of its group to run: no other row is looked at, and
 * none is laid out. */
static void test_other_status(void)
{
    KftForwardItem *item = kft_model_find(kft_core_get_model(core), N_FORWARDS);
    KftForwardItem *first = kft_model_find(kft_core_get_model(core), N_FORWARDS - N_CONTEXTS);
    unsigned n_layouts = 0;

    gtk_adjustment_set_value(gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(list)), 0);
    kft_forward_item_begin(first);
    expect("", 0);
    unsigned long handler =
        g_signal_connect_swapped(get_box(), "size-allocate", G_CALLBACK(on_counted), &n_layouts);
    do {
        n_layouts = 0;
        await_frame();
    } while (n_layouts > 0);
    kft_forward_item_begin(item);
    await_frame();
    g_assert_cmpuint(n_layouts, ==, 0);
    g_signal_handler_disconnect(get_box(), handler);
    kft_forward_item_set_stopped(item);
    kft_forward_item_set_stopped(first);
    expect("", -1);
}

/* What a status adds to what the search looks at is found at once, with its group's head, and no
 * longer when it is gone. */
static void test_status_is_found(void)
{
    KftForwardItem *item = kft_model_find(kft_core_get_model(core), N_FORWARDS);
    const char *alias = kft_forward_item_get_config(item)->alias;
    char pod[] = "pod-of-the-last";
    KftEvent event = {.type = KFT_EVENT_FORWARD_STATUS,
                      .status = {.state = KFT_FORWARD_STATE_READY, .pod = pod}};

    kft_forward_list_set_search(list, pod);
    expect(pod, 0);
    g_assert_cmpuint(kft_forward_list_get_n_matching(list), ==, 0);
    kft_forward_item_take_event(item, &event);
    expect(alias, 0);
    g_assert_cmpuint(kft_forward_list_get_n_matching(list), ==, 1);
    kft_forward_item_set_stopped(item);
    expect(pod, 0);
    g_assert_cmpuint(kft_forward_list_get_n_matching(list), ==, 0);
    kft_forward_list_set_search(list, "");
    expect("", -1);
}

static void fill_model(void)
{
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);

    for (unsigned i = 0; i < N_FORWARDS; i++) {
        KftConfig *config = kft_config_new();
        config->id.v = i + 1;
        config->alias = g_strdup_printf("service-%03u", i);
        config->context = g_strdup_printf("context %u", i % N_CONTEXTS);
        config->namespace_ = g_strdup("shop");
        config->service = g_strdup("web");
        config->remote_port = 80;
        g_ptr_array_add(configs, config);
    }
    kft_model_set_configs(kft_core_get_model(core), configs);
}

static void on_stopped(KftCore *self, gpointer user_data)
{
    (void)self;
    *(bool *)user_data = true;
}

int main(int argc, char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("kftray-list-XXXXXX", NULL);
    bool has_stopped = false;

    (void)g_setenv("KFTRAY_CONFIG", dir, TRUE);
    (void)g_setenv("KUBECONFIG", "/nonexistent", TRUE);
    g_test_init(&argc, &argv, NULL);
    gtk_init(&argc, &argv);
    g_object_set(gtk_settings_get_default(), "gtk-enable-animations", FALSE, NULL);
    core = kft_core_new(dir, NULL);
    g_assert_nonnull(core);
    g_signal_connect(core, "stopped", G_CALLBACK(on_stopped), &has_stopped);
    while (!kft_core_is_loaded(core))
        (void)g_main_context_iteration(NULL, TRUE);
    fill_model();
    window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    gtk_window_set_default_size(GTK_WINDOW(window), 900, 640);
    list = g_object_new(KFT_TYPE_FORWARD_LIST, "visible", TRUE, NULL);
    gtk_container_add(GTK_CONTAINER(window), GTK_WIDGET(list));
    kft_forward_list_set_core(list, core);
    gtk_widget_show(window);
    /* GTK focuses the first row, which selects it. */
    kft_forward_list_unselect_all(list);
    expect("", 0);
    g_test_add_func("/ui/list/other-search-meanwhile", test_other_search_meanwhile);
    g_test_add_func("/ui/list/place", test_place);
    g_test_add_func("/ui/list/selected", test_selected);
    g_test_add_func("/ui/list/other-status", test_other_status);
    g_test_add_func("/ui/list/status-is-found", test_status_is_found);
    int status = g_test_run();
    gtk_widget_destroy(window);
    kft_core_shut_down(core, false);
    while (!has_stopped)
        (void)g_main_context_iteration(NULL, TRUE);
    g_clear_object(&core);
    return status;
}
