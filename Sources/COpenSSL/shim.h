// What Swift cannot reach of OpenSSL by itself, each with its reason. Everything else is called directly.
#ifndef SWIFT_COPENSSL_SHIM_H
#define SWIFT_COPENSSL_SHIM_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#endif
