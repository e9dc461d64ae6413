"""One function per proxy or gateway: sets it up, and says what must work through it and what must be said if not."""

import getpass
import hashlib
import os
import shutil
import socket
import subprocess
import time

SECRET = "pr0xy-s3cret"
RECIPES = {}


class Skip(Exception):
    pass


def recipe(function):
    RECIPES[function.__name__.replace("_", "-")] = function
    return function


def need(name, *folders):
    path = shutil.which(name) or next((f"{folder}/{name}" for folder in folders if os.path.exists(f"{folder}/{name}")), None)
    if path is None:
        raise Skip(f"{name} is not installed")
    return path


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def check(bench, megabytes, server, proxy, wrong=None):
    """By PROXY everything works; with the login WRONG the step "connect" says why."""
    bench.kubeconfig(server["url"], proxy)
    steps = bench.expect_well("svc/web", ":8080")
    assert steps["connect"][0] == "ok", steps["connect"]
    bench.transfer(megabytes)
    if wrong:
        bench.kubeconfig(server["url"], wrong)
        bench.expect_failed("connect", "needs authentication, or refused")


@recipe
def tinyproxy(bench, megabytes):
    """tinyproxy without a login"""
    _tinyproxy(bench, megabytes, "")


@recipe
def tinyproxy_basic(bench, megabytes):
    """tinyproxy with Basic: it closes the connection after its 407"""
    _tinyproxy(bench, megabytes, f"BasicAuth user {SECRET}\n")


def _tinyproxy(bench, megabytes, login):
    program, port = need("tinyproxy"), free_port()
    server = bench.start_server()
    child = bench.start([program, "-d", "-c", bench.write("tinyproxy.conf", f"Port {port}\nListen 127.0.0.1\n{login}")])
    bench.wait_port("tinyproxy", port, child)
    user = f"user:{SECRET}@" if login else ""
    check(bench, megabytes, server, f"http://{user}127.0.0.1:{port}", login and f"http://127.0.0.1:{port}")


def _squid(bench, listen, login="", **options):
    program = need("squid", "/usr/sbin")
    access = "http_access allow users\n" if login else ""
    if os.geteuid() == 0:
        for folder in (bench.directory, bench.certs):
            shutil.chown(folder, "proxy")
        for name in os.listdir(bench.certs):
            os.chmod(os.path.join(bench.certs, name), 0o644)
    config = bench.write("squid.conf", f"""{listen}
{login}{"acl users proxy_auth REQUIRED" if login else ""}
{access}http_access {"deny" if login else "allow"} all
cache deny all
cache_log {bench.path("squid-cache.log")}
access_log none
pid_filename none
coredump_dir {bench.directory}
shutdown_lifetime 1 second
netdb_filename none
pinger_enable off
""", 0o644)
    return bench.start([program, "-N", "-f", config], **options)


@recipe
def squid_basic(bench, megabytes):
    """squid with Basic"""
    port = free_port()
    salted = subprocess.run(["openssl", "passwd", "-apr1", SECRET], capture_output=True, text=True, check=True).stdout.strip()
    users = bench.write("users", f"user:{salted}\n", 0o644)
    server = bench.start_server()
    child = _squid(bench, f"http_port 127.0.0.1:{port}",
                   f"auth_param basic program {need('basic_ncsa_auth', '/usr/lib/squid')} {users}\n")
    bench.wait_port("squid", port, child)
    check(bench, megabytes, server, f"http://user:{SECRET}@127.0.0.1:{port}", f"http://user:wrong@127.0.0.1:{port}")


@recipe
def squid_digest(bench, megabytes):
    """squid with Digest alone: a password that goes over the wire in clear would not do"""
    port = free_port()
    half = hashlib.md5(f"user:kft:{SECRET}".encode()).hexdigest()
    users = bench.write("users", f"user:kft:{half}\n", 0o644)
    server = bench.start_server()
    child = _squid(bench, f"http_port 127.0.0.1:{port}",
                   f"auth_param digest program {need('digest_file_auth', '/usr/lib/squid')} -c {users}\n"
                   "auth_param digest realm kft\n")
    bench.wait_port("squid", port, child)
    check(bench, megabytes, server, f"http://user:{SECRET}@127.0.0.1:{port}", f"http://user:wrong@127.0.0.1:{port}")


@recipe
def squid_ntlm(bench, megabytes):
    """squid with NTLM, whose login belongs to a connection"""
    port = free_port()
    server = bench.start_server()
    child = _squid(bench, f"http_port 127.0.0.1:{port}",
                   f"auth_param ntlm program {need('ntlm_fake_auth', '/usr/lib/squid')}\n"
                   "auth_param ntlm keep_alive on\n")
    bench.wait_port("squid", port, child)
    check(bench, megabytes, server, f"http://user:{SECRET}@127.0.0.1:{port}", f"http://127.0.0.1:{port}")


def _realm(bench):
    """A Kerberos realm of its own: user "user", service "HTTP/localhost". Returns its configuration and the keytab."""
    tools = {name: need(name, "/usr/sbin") for name in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")}
    port = free_port()
    config = bench.write("krb5.conf", f"""[libdefaults]
default_realm = KFT.TEST
dns_lookup_kdc = false
dns_canonicalize_hostname = false
rdns = false
[realms]
KFT.TEST = {{
  kdc = 127.0.0.1:{port}
}}
""", 0o644)
    profile = bench.write("kdc.conf", f"""[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
KFT.TEST = {{
  database_name = {bench.path("principal")}
  key_stash_file = {bench.path("stash")}
  acl_file = {bench.path("acl")}
}}
""")
    keytab = bench.path("keytab")
    env = {"PATH": os.environ["PATH"], "KRB5_CONFIG": config, "KRB5_KDC_PROFILE": profile,
           "KRB5CCNAME": f"FILE:{bench.path('tickets')}"}

    def call(*command, text=""):
        subprocess.run(command, check=True, env=env, input=text, text=True, capture_output=True)

    call(tools["kdb5_util"], "create", "-s", "-P", SECRET)
    call(tools["kadmin.local"], "addprinc", "-pw", SECRET, "user")
    call(tools["kadmin.local"], "addprinc", "-randkey", "HTTP/localhost")
    call(tools["kadmin.local"], "ktadd", "-k", keytab, "HTTP/localhost")
    os.chmod(keytab, 0o644)
    child = bench.start([tools["krb5kdc"], "-n", "-P", bench.path("kdc.pid")], env=env)
    bench.wait_port("krb5kdc", port, child)
    call(tools["kinit"], "user", text=SECRET + "\n")
    return env, keytab


@recipe
def squid_negotiate(bench, megabytes):
    """squid with Negotiate: the Kerberos ticket at hand, and a login that is wanted without one"""
    port = free_port()
    helper = need("negotiate_kerberos_auth", "/usr/lib/squid")
    server = bench.start_server()
    env, keytab = _realm(bench)
    child = _squid(bench, f"http_port 127.0.0.1:{port}",
                   f"auth_param negotiate program {helper} -k {keytab} -s HTTP/localhost@KFT.TEST\n",
                   env=env | {"KRB5RCACHETYPE": "none"})
    bench.wait_port("squid", port, child)
    bench.more_environment = {name: env[name] for name in ("KRB5_CONFIG", "KRB5CCNAME")}
    check(bench, megabytes, server, f"http://localhost:{port}")
    bench.more_environment["KRB5CCNAME"] = f"FILE:{bench.path('none')}"
    bench.expect_failed("connect", "needs authentication")


@recipe
def squid_https(bench, megabytes):
    """squid behind TLS"""
    port = free_port()
    server = bench.start_server()
    child = _squid(bench, f"https_port 127.0.0.1:{port} tls-cert={bench.certs}/server.crt tls-key={bench.certs}/server.key")
    bench.wait_port("squid", port, child)
    check(bench, megabytes, server, f"https://127.0.0.1:{port}")
    bench.kubeconfig(server["url"], f"https://127.0.0.1:{port}", ca="other-ca.crt")
    bench.expect_failed("connect", "certificate of the proxy .* is not trusted")


@recipe
def microsocks(bench, megabytes):
    """microsocks with a login"""
    program, port = need("microsocks"), free_port()
    server = bench.start_server()
    child = bench.start([program, "-i", "127.0.0.1", "-p", str(port), "-u", "user", "-P", SECRET])
    bench.wait_port("microsocks", port, child)
    check(bench, megabytes, server, f"socks5://user:{SECRET}@127.0.0.1:{port}", f"socks5://user:wrong@127.0.0.1:{port}")


@recipe
def dante(bench, megabytes):
    """dante, and what it says to a server that it does not reach"""
    program, port = need("danted", "/usr/sbin"), free_port()
    server = bench.start_server()
    config = bench.write("danted.conf", f"""logoutput: stderr
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: none
user.privileged: {getpass.getuser()}
user.unprivileged: {getpass.getuser()}
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
""")
    child = bench.start([program, "-f", config])
    bench.wait_port("danted", port, child)
    check(bench, megabytes, server, f"socks5h://127.0.0.1:{port}")
    bench.kubeconfig(f"https://127.0.0.1:{free_port()}", f"socks5h://127.0.0.1:{port}")
    bench.expect_failed("connect", "connection refused", "NO_PROXY")


@recipe
def mitmproxy(bench, megabytes):
    """mitmproxy inspects TLS: not trusted at first, then by an additional CA bundle"""
    program, port = need("mitmdump"), free_port()
    server = bench.start_server()
    child = bench.start([program, "--listen-host", "127.0.0.1", "-p", str(port), "--ssl-insecure", "--set",
                         f"confdir={bench.path('mitm')}", "-q"], env=bench.environment() | {"KFT_TRACE": ""})
    bench.wait_port("mitmdump", port, child)
    bench.kubeconfig(server["url"], f"http://127.0.0.1:{port}")
    bench.expect_failed("tls", 'issued by "CN = mitmproxy, O = mitmproxy", which is not among', "gateway inspects TLS")
    bundle = bench.path("mitm/mitmproxy-ca-cert.pem")
    steps = bench.expect_well("--ca-bundle", bundle, "svc/web", ":8080")
    assert "mitmproxy" in steps["tls"][1], steps["tls"]
    bench.transfer(megabytes, "--ca-bundle", bundle)


def _nginx(bench, server, upgrade):
    program, port = need("nginx", "/usr/sbin"), free_port()
    config = bench.write("nginx.conf", f"""daemon off;
master_process off;
pid {bench.path("nginx.pid")};
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {bench.path("nginx-body")};
  proxy_temp_path {bench.path("nginx-proxy")};
  fastcgi_temp_path {bench.path("nginx-fastcgi")};
  uwsgi_temp_path {bench.path("nginx-uwsgi")};
  scgi_temp_path {bench.path("nginx-scgi")};
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {bench.certs}/server.crt;
    ssl_certificate_key {bench.certs}/server.key;
    location / {{
      proxy_pass {server["url"]};
      proxy_http_version 1.1;
      proxy_buffering off;
      {upgrade}
    }}
  }}
}}
""")
    child = bench.start([program, "-e", "stderr", "-p", bench.directory, "-c", config])
    bench.wait_port("nginx", port, child)
    bench.kubeconfig(f"https://127.0.0.1:{port}")


@recipe
def nginx_strips(bench, _megabytes):
    """nginx as a gateway that takes the Upgrade header out"""
    _nginx(bench, bench.start_server(), "")
    bench.expect_failed("upgrade", "without its Upgrade header", "proxy_set_header Upgrade")


@recipe
def nginx_websockets(bench, megabytes):
    """nginx as a gateway that passes all upgrades on"""
    _nginx(bench, bench.start_server(), 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";')
    bench.expect_well("svc/web", ":8080")
    bench.transfer(megabytes)


@recipe
def nginx_post_only(bench, megabytes):
    """nginx as a gateway that refuses WebSockets: SPDY by POST, and a note says so"""
    _nginx(bench, bench.start_server(), """if ($http_upgrade ~* websocket) { return 403; }
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";""")
    steps = bench.expect_well("svc/web", ":8080")
    assert "spdy: works" in steps["upgrade"][1] and "tunnel: works" not in steps["upgrade"][1], steps["upgrade"]
    text = bench.transfer(megabytes)
    assert "Note: WebSockets do not get through" in text, text[-300:]


# Name servers: in network and mount namespaces of their own, with an /etc/resolv.conf that names loopback.

INSIDE = """set -e
ip link set lo up
echo "nameserver 127.0.0.1" > "$1/resolv.conf"
mount --bind "$1/resolv.conf" /etc/resolv.conf
shift
[ -z "$DNSMASQ" ] || $DNSMASQ
exec "$@"
"""


def _inside(bench, dnsmasq):
    """The start of a command that runs in the namespaces; each has its own name server, while it runs."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    script = bench.write("inside", INSIDE, 0o755)
    command = "" if dnsmasq is None else (
        f"{need('dnsmasq', '/usr/sbin')} --no-hosts --no-resolv --conf-file=/dev/null --user=root --listen-address=127.0.0.1 "
        f"--bind-interfaces --pid-file={bench.path('dnsmasq.pid')} {dnsmasq}")
    return ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "env", f"DNSMASQ={command}", "sh", script,
            bench.directory]


@recipe
def split_dns(bench, _megabytes):
    """dnsmasq as the name server of a VPN: the name is found with it, unknown to another, and without one nobody answers"""
    server = bench.start_server()
    bench.kubeconfig(f"https://cluster.corp.test:{server['port']}", name="localhost")
    # The API server is outside: that TCP is refused there shows that the name was resolved.
    bench.expect_failed("tcp", "127.0.0.1:", wrap=_inside(bench, "--address=/corp.test/127.0.0.1"))
    bench.expect_failed("name", '"cluster.corp.test" does not exist: asked was the name server 127.0.0.1', "No VPN is connected",
                        wrap=_inside(bench, "--address=/corp.test/"))
    bench.expect_failed("name", "cluster.corp.test", "VPN", wrap=_inside(bench, None))


SINK = """import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 53))
if len(sys.argv) > 1:
    import os
    if os.fork():
        sys.exit(0)
    os.close(1)
    os.close(2)
while True:
    sock.recv(4096)
"""


@recipe
def silent_dns(bench, _megabytes):
    """a name server that never answers: told after some seconds, and the end does not wait for the look-up"""
    server = bench.start_server()
    bench.kubeconfig(f"https://cluster.corp.test:{server['port']}", name="localhost")
    sink = bench.write("sink.py", SINK)
    wrap = _inside(bench, "")
    wrap[wrap.index("env") + 1] = f"DNSMASQ=python3 {sink} background"
    begun = time.monotonic()
    bench.expect_failed("name", "no answer within 6 s", "name server does not answer", wrap=wrap)
    assert time.monotonic() - begun < 20, "the end waited for the look-up"


@recipe
def split_dns_vpn(bench, _megabytes):
    """a VPN's interface is up, but its name server is not asked"""
    server = bench.start_server()
    bench.kubeconfig(f"https://cluster.corp.test:{server['port']}", name="localhost")
    wrap = _inside(bench, "--address=/corp.test/")
    with open(bench.path("inside"), encoding="utf-8") as file:
        text = file.read()
    bench.write("inside", text.replace("ip link set lo up", "ip link set lo up; ip link add tun7 type veth peer name far7; ip link set tun7 up"),
                0o755)
    bench.expect_failed("name", r"A VPN is up \(tun7\)", wrap=wrap)
