#!/bin/sh
# Makes the keys and certificates of the test servers in the directory DIR, at run time, never committed:
#   ca.crt/.key            the authority that clients trust and that signs client certificates
#   other-ca.crt           an authority that signed nothing (for "not trusted")
#   server.*               SAN localhost, 127.0.0.1, ::1        expired.*    the same, ended in 2020
#   wrong-name.*           SAN elsewhere.test only               client-{ec,rsa,ed25519}.*  CN fake-cert, O testers
# An existing complete DIR is left as it is.
set -eu

dir=${1:?usage: certs.sh DIR}
umask 077
mkdir -p "$dir"
[ -e "$dir/complete" ] && exit 0
cd "$dir"

new_key() { # NAME KIND
    case $2 in
    ec) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>>openssl.log ;;
    rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" 2>>openssl.log ;;
    ed25519) openssl genpkey -algorithm ED25519 -out "$1.key" 2>>openssl.log ;;
    esac
}

new_ca() { # NAME COMMON-NAME
    new_key "$1" ec
    openssl req -x509 -new -key "$1.key" -subj "/CN=$2" -days 30 -out "$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>>openssl.log
}

new_cert() { # NAME KIND SUBJECT USAGE SAN
    new_key "$1" "$2"
    openssl req -new -key "$1.key" -subj "$3" -out "$1.csr" 2>>openssl.log
    {
        echo "basicConstraints=CA:FALSE"
        echo "extendedKeyUsage=$4"
        [ -z "$5" ] || echo "subjectAltName=$5"
    } >"$1.ext"
}

sign() { # NAME
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 \
        -extfile "$1.ext" -out "$1.crt" 2>>openssl.log
}

sign_expired() { # NAME; only `openssl ca` of OpenSSL 3.0 can set both dates
    : >index.txt
    echo 7001 >serial
    {
        echo "[ca]"
        echo "default_ca=d"
        echo "[d]"
        echo "database=index.txt"
        echo "serial=serial"
        echo "new_certs_dir=."
        echo "default_md=sha256"
        echo "policy=p"
        echo "[p]"
        echo "commonName=supplied"
    } >ca.cnf
    openssl ca -batch -notext -config ca.cnf -cert ca.crt -keyfile ca.key -in "$1.csr" -extfile "$1.ext" \
        -startdate 20190101000000Z -enddate 20200101000000Z -out "$1.crt" 2>>openssl.log
}

here="DNS:localhost,IP:127.0.0.1,IP:::1"
new_ca ca "kftray test authority"
new_ca other-ca "kftray other authority"
new_cert server ec "/CN=localhost" serverAuth "$here" && sign server
new_cert wrong-name ec "/CN=elsewhere.test" serverAuth "DNS:elsewhere.test" && sign wrong-name
new_cert expired ec "/CN=localhost" serverAuth "$here" && sign_expired expired
for kind in ec rsa ed25519; do
    new_cert "client-$kind" "$kind" "/O=testers/CN=fake-cert" clientAuth "" && sign "client-$kind"
done
rm -f -- *.csr *.ext ca.cnf index.txt* serial serial.old 7001.pem other-ca.key
: >complete
