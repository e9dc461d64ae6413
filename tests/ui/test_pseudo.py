#!/usr/bin/python3
"""A make-believe language: each text is wrapped in brackets and made half as long again. What has no brackets on
the screen cannot be translated."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from desktop import TOP  # noqa: E402
from program import Program, store  # noqa: E402
from screen import Screen  # noqa: E402
from suite import check, check_ended, config, desktop, run  # noqa: E402

# Names, numbers and what GTK says itself (in its own language).
PLAIN = re.compile(r"^(kftray|web|db|fake|shop|default.*|127\.0\.0\.1.*|[\d\W]*|–|Minimize|Maximize|Close|"
                   r"https?://.*|.*kftray\.db|/.*|\d+ / \d+|app=web.*|Spinner)$")


def make_language(target):
    """The messages of the German translation, with the English text made strange."""
    source = subprocess.run(["msgattrib", "--no-obsolete", str(TOP / "ui/po/de.po")], check=True, capture_output=True,
                            text=True).stdout
    out = []
    for entry in source.split("\n\n"):
        texts = re.findall(r'^(msgid|msgid_plural) ((?:"(?:[^"\\]|\\.)*"\n?)+)', entry, re.M)
        plain = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)) for _, text in texts]
        if not plain or not plain[0]:
            out.append(entry)
            continue
        head = entry[:re.search(r"^msgstr", entry, re.M).start()]
        strange = [f"[{text}{'~' * (len(text) // 2)}]" for text in plain]
        if len(plain) == 1:
            out.append(f'{head}msgstr "{strange[0]}"')
        else:
            out.append(f'{head}msgstr[0] "{strange[0]}"\nmsgstr[1] "{strange[1]}"')
    po = target.parent / "pseudo.po"
    po.write_text("\n\n".join(out) + "\n")
    subprocess.run(["msgfmt", "--output-file", str(target), str(po)], check=True)


def test_everything_is_translated(options):
    with desktop(options, environment={"LANGUAGE": "zz"}) as session:
        make_language(session.relocate("zz"))
        session.start_window_manager()
        session.start_panel()
        store(session, options.kftrayctl, [config("web", group="shop"), config("db", group="shop")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.wait(lambda: str(program.menu_labels()), lambda: "[" in program.menu_labels()[0])
        for action, count in ((None, 1), ("app.settings", 2), ("app.add", 3)):
            if action:
                program.activate(action)
            program.wait("the window", lambda: len(screen.windows()) == count)
            plain = set()
            for top in screen.windows():
                for node, _ in screen.walk(top):
                    name = node.get_name() or ""
                    if "[" not in name and not PLAIN.match(name):
                        plain.add(f"{node.get_role_name()} {name!r}")
            check(not plain, lambda: f"not translated: {sorted(plain)}")
        labels = [label for label in program.menu_labels() if label and "[" not in label and
                  not re.match(r"^(web|db|fake|shop)", label)]
        check(not labels, lambda: f"not translated in the tray: {labels}")
        check_ended(program, program.quit())


run([test_everything_is_translated])
