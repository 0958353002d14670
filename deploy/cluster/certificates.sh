#!/bin/sh
# Certificates for one cluster: whoever holds them may give its machines work, that is: run programs there.
#   sh certificates.sh FOLDER [DAYS]
# writes ca.pem, cert.pem and key.pem into FOLDER; copy the three to every machine of the cluster. The key that signed them is
# not kept: for a new machine the same three are used, and when anybody lost them all are made anew.
set -eu
folder=$1
days=${2:-825}
umask 077
mkdir -p "$folder"
signing=$(mktemp)
request=$(mktemp)
trap 'rm -f "$signing" "$request"' EXIT
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
key "$signing"
openssl req -x509 -new -key "$signing" -days "$days" -subj "/CN=sohoa cluster" -out "$folder/ca.pem"
key "$folder/key.pem"
openssl req -new -key "$folder/key.pem" -subj "/CN=sohoa machine" -out "$request"
openssl x509 -req -in "$request" -CA "$folder/ca.pem" -CAkey "$signing" -set_serial "0x$(openssl rand -hex 16)" \
    -days "$days" -out "$folder/cert.pem" 2>/dev/null
