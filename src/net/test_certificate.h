// A certificate for tests of TLS. For tests only.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/c_deleter.h"

namespace net {

// Writes a new key and a self-signed certificate for localhost and 127.0.0.1.
inline void make_test_certificate(const std::string& certificate_file,
                                  const std::string& key_file) {
  const std::unique_ptr<EVP_PKEY, base::CDeleter<&EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, base::CDeleter<&X509_free>> certificate(X509_new());
  ASSERT_TRUE(key && certificate);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const std::string host = "localhost";
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(host.data()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, base::CDeleter<&X509_EXTENSION_free>> names(
      X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"));
  ASSERT_TRUE(names);
  X509_add_ext(certificate.get(), names.get(), -1);
  ASSERT_NE(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  const std::unique_ptr<BIO, base::CDeleter<&BIO_free>> certificate_out(
      BIO_new_file(certificate_file.c_str(), "w"));
  const std::unique_ptr<BIO, base::CDeleter<&BIO_free>> key_out(
      BIO_new_file(key_file.c_str(), "w"));
  ASSERT_TRUE(certificate_out && key_out);
  ASSERT_EQ(PEM_write_bio_X509(certificate_out.get(), certificate.get()), 1);
  ASSERT_EQ(
      PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
}

}  // namespace net
