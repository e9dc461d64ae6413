"""A cluster with two relay pods, one of which a program of this user has left."""
import json

INSTALLATION = "00112233445566778899"
PREFIX = "kftray.github.io/"


def relay(name, installation, session, owner, purpose):
    return {"kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": name, "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z",
                         "labels": {PREFIX + "installation": installation, PREFIX + "session": session},
                         "annotations": {PREFIX + "owner": owner, PREFIX + "host": "laptop", PREFIX + "for": purpose}},
            "spec": {"containers": [{"name": "relay", "image": "x"}]}, "status": {"phase": "Running"}}


WORLD = {"objects": [relay("relay-left", INSTALLATION, "gone", "ann", "db.example.com:5432"),
                     relay("relay-other", "99", "theirs", "bob", "svc/dns port 53/udp")]}
SECOND = relay("relay-forgotten", INSTALLATION, "gone", "ann", "cache.example.com:6379")


def make_world(session, *more):
    """The path of the world file, with @more objects; from now on the session's user is who deployed the first one."""
    folder = session.dir / "kftray/state/relays"
    folder.mkdir(parents=True)
    (folder / "installation").write_text(INSTALLATION + "\n")
    world = session.dir / "world.json"
    world.write_text(json.dumps({"objects": [*WORLD["objects"], *more]}))
    return str(world)
