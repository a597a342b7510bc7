// What Swift cannot reach of OpenSSL by itself, each with its reason. Everything else is called directly.
#ifndef SWIFT_COPENSSL_SHIM_H
#define SWIFT_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#if OPENSSL_VERSION_NUMBER < 0x10101000L
#error "OpenSSL 1.1.1 or newer is needed (apt-get install libssl-dev)"
#endif

// A macro of casts and shifts in OpenSSL 3, so Swift does not import it.
static inline unsigned long copenssl_compiled_version(void) { return OPENSSL_VERSION_NUMBER; }

// Function-like macros around SSL_CTX_ctrl(3) and SSL_ctrl(3).
static inline long copenssl_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}
static inline long copenssl_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_max_proto_version(context, version);
}
static inline long copenssl_SSL_CTX_get_min_proto_version(SSL_CTX *context) {
    return SSL_CTX_get_min_proto_version(context);
}
static inline long copenssl_SSL_CTX_get_max_proto_version(SSL_CTX *context) {
    return SSL_CTX_get_max_proto_version(context);
}
static inline long copenssl_SSL_CTX_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }
static inline long copenssl_SSL_CTX_clear_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_clear_mode(context, mode);
}
static inline long copenssl_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline long copenssl_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, (void *)name);
}

// Function-like macros around SSL_ctrl(3), SSL_CTX_ctrl(3) and SSL_CTX_callback_ctrl(3): OCSP stapling.
static inline long copenssl_SSL_ask_for_ocsp_response(SSL *ssl) {
    return SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
}
static inline long copenssl_SSL_get_tlsext_status_ocsp_resp(SSL *ssl, const unsigned char **bytes) {
    return SSL_get_tlsext_status_ocsp_resp(ssl, bytes);
}
static inline long copenssl_SSL_CTX_set_tlsext_status_cb(SSL_CTX *context, int (*callback)(SSL *, void *)) {
    return SSL_CTX_set_tlsext_status_cb(context, callback);
}
// Copies the bytes: OpenSSL frees them with the SSL, by its own allocator (OPENSSL_memdup is a macro too).
static inline long copenssl_SSL_set1_tlsext_status_ocsp_resp(SSL *ssl, const unsigned char *bytes, long count) {
    unsigned char *copy = OPENSSL_memdup(bytes, (size_t)count);
    if (copy == NULL) return 0;
    return SSL_set_tlsext_status_ocsp_resp(ssl, copy, count);
}

// SSL_OP_… are expressions of the macro SSL_OP_BIT in OpenSSL 3, and their type changed from 1.1.1 to 3.
static inline void copenssl_SSL_CTX_refuse_renegotiation_and_compression(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

// Function-like macros around CRYPTO_get_ex_new_index(3).
static inline int copenssl_SSL_get_ex_new_index(CRYPTO_EX_free *release) {
    return SSL_get_ex_new_index(0, NULL, NULL, NULL, release);
}

// Macros in 1.1.1, functions in 3.
static inline int copenssl_ERR_GET_LIB(unsigned long code) { return ERR_GET_LIB(code); }
static inline int copenssl_ERR_GET_REASON(unsigned long code) { return ERR_GET_REASON(code); }

// Expressions of other macros.
static inline int copenssl_ERR_R_MALLOC_FAILURE(void) { return ERR_GET_REASON(ERR_R_MALLOC_FAILURE); }
// A Diffie-Hellman group over a finite field (RFC 7919) takes the thread up to a second, and the peer chooses it: OpenSSL's
// client takes any of up to 10,000 bits. Here it is one of 4,096 bits at most, and none of TLS 1.3's, whose largest has 8,192.
static inline int copenssl_limits_groups(
    const SSL *ssl, const SSL_CTX *context, int operation, int bits, int nid, void *other, void *unused) {
    switch (operation) {
    case SSL_SECOP_TMP_DH:
        if (other != NULL && EVP_PKEY_bits((EVP_PKEY *)other) > 4096) return 0;
        break;
    case SSL_SECOP_CURVE_SUPPORTED:
    case SSL_SECOP_CURVE_SHARED:
    case SSL_SECOP_CURVE_CHECK:
        // The code point of RFC 8446 section 4.2.7: 0x01.. are finite fields.
        if (other != NULL && ((const unsigned char *)other)[0] == 1) return 0;
        break;
    }
    // OpenSSL's own, which the context was made with, is kept as its `ex` data.
    int (*standard)(const SSL *, const SSL_CTX *, int, int, int, void *, void *) =
        (int (*)(const SSL *, const SSL_CTX *, int, int, int, void *, void *))unused;
    return standard(ssl, context, operation, bits, nid, other, NULL);
}
static inline void copenssl_SSL_CTX_limit_groups(SSL_CTX *context) {
    SSL_CTX_set0_security_ex_data(context, (void *)SSL_CTX_get_security_callback(context));
    SSL_CTX_set_security_callback(context, copenssl_limits_groups);
}

// Letters beyond ASCII stay readable; RFC 2253 escapes the control characters.
static inline unsigned long copenssl_readable_rfc2253(void) { return XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB; }

// Renamed in OpenSSL 3, where the old name is a macro.
static inline X509 *copenssl_SSL_get1_peer_certificate(const SSL *ssl) {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    return SSL_get1_peer_certificate(ssl);
#else
    return SSL_get_peer_certificate(ssl);
#endif
}

// Deprecated in OpenSSL 3.4 for its type, which is a long; the new one came with 3.3.
static inline int64_t copenssl_SSL_SESSION_get_time(const SSL_SESSION *session) {
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
    return SSL_SESSION_get_time_ex(session);
#else
    return SSL_SESSION_get_time(session);
#endif
}
static inline void copenssl_SSL_SESSION_set_time(SSL_SESSION *session, int64_t time) {
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
    SSL_SESSION_set_time_ex(session, time);
#else
    SSL_SESSION_set_time(session, (long)time);
#endif
}

// The typed stacks are families of macros in OpenSSL 3. No stack has no elements: OpenSSL's own count of it, -1, is no range's end.
static inline STACK_OF(X509) *copenssl_sk_X509_new(void) { return sk_X509_new_null(); }
static inline int copenssl_sk_X509_push(STACK_OF(X509) *stack, X509 *certificate) {
    return sk_X509_push(stack, certificate);
}
static inline int copenssl_sk_X509_num(const STACK_OF(X509) *stack) { return stack ? sk_X509_num(stack) : 0; }
static inline X509 *copenssl_sk_X509_value(const STACK_OF(X509) *stack, int index) {
    return sk_X509_value(stack, index);
}
static inline X509 *copenssl_sk_X509_shift(STACK_OF(X509) *stack) { return sk_X509_shift(stack); }
static inline void copenssl_sk_X509_free(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }
static inline int copenssl_sk_SSL_CIPHER_num(const STACK_OF(SSL_CIPHER) *stack) {
    return stack ? sk_SSL_CIPHER_num(stack) : 0;
}
static inline const SSL_CIPHER *copenssl_sk_SSL_CIPHER_value(const STACK_OF(SSL_CIPHER) *stack, int index) {
    return sk_SSL_CIPHER_value(stack, index);
}
static inline GENERAL_NAMES *copenssl_sk_GENERAL_NAME_new(void) { return sk_GENERAL_NAME_new_null(); }
static inline int copenssl_sk_GENERAL_NAME_push(GENERAL_NAMES *names, GENERAL_NAME *name) {
    return sk_GENERAL_NAME_push(names, name);
}
static inline int copenssl_sk_GENERAL_NAME_num(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline GENERAL_NAME *copenssl_sk_GENERAL_NAME_value(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}

// A stack again: the numbers of the TLS extensions that a certificate demands (RFC 7633).
static inline int copenssl_TLS_FEATURE_contains(const TLS_FEATURE *features, long extension) {
    for (int index = 0; index < sk_ASN1_INTEGER_num(features); index++) {
        if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, index)) == extension) return 1;
    }
    return 0;
}
static inline void copenssl_TLS_FEATURE_free(TLS_FEATURE *features) { TLS_FEATURE_free(features); }

// Macros in 1.1.1, functions in 3.
static inline int copenssl_EVP_PKEY_CTX_set_ec_curve(EVP_PKEY_CTX *context, int curve) {
    return EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, curve);
}
static inline int copenssl_EVP_PKEY_CTX_set_rsa_bits(EVP_PKEY_CTX *context, int bits) {
    return EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits);
}

// A macro around BIO_ctrl(3) that writes through a pointer to a pointer.
static inline long copenssl_BIO_get_mem_data(BIO *bio, const unsigned char **bytes) {
    return BIO_get_mem_data(bio, (char **)bytes);
}

#endif
