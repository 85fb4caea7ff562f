// Makes certificates for a test: an authority, and certificates that it signs.
//
// For tests only. Threads: values.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/c_deleter.h"
#include "estadio/rpc/tls_files.h"

namespace estadio::test {

class Authority {
 public:
  // Its certificate is `folder`/`name`.pem.
  Authority(std::string folder, const std::string& name)
      : folder_(std::move(folder)), key_(EVP_EC_gen("P-256")) {
    certificate_ = make(name, key_.get(), "CA:TRUE", true);
    write(name, certificate_.get(), nullptr);
    file_ = folder_ + "/" + name + ".pem";
  }

  [[nodiscard]] const std::string& file() const { return file_; }

  // Signs a certificate for localhost and 127.0.0.1. Returns its files, for a side that trusts
  // `ca_certificates`.
  [[nodiscard]] TlsFiles issue(const std::string& name, const std::string& ca_certificates) const {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = make(name, key.get(), "CA:FALSE", false);
    write(name, certificate.get(), key.get());
    return {.certificate = folder_ + "/" + name + ".pem",
            .key = folder_ + "/" + name + ".key",
            .ca_certificates = ca_certificates};
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, base::CDeleter<&EVP_PKEY_free>>;
  using Certificate = std::unique_ptr<X509, base::CDeleter<&X509_free>>;
  using Extension = std::unique_ptr<X509_EXTENSION, base::CDeleter<&X509_EXTENSION_free>>;
  using File = std::unique_ptr<BIO, base::CDeleter<&BIO_free>>;

  [[nodiscard]] Certificate make(const std::string& name, EVP_PKEY* key, const char* constraints,
                                 bool is_own) const {
    Certificate certificate(X509_new());
    X509* made = certificate.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), is_own ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.data()),
                               static_cast<int>(name.size()), -1, 0);
    const X509* issuer = is_own ? made : certificate_.get();
    X509_set_issuer_name(made, X509_get_subject_name(issuer));
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, const_cast<X509*>(issuer), made, nullptr, nullptr, 0);
    const auto extend = [&](int kind, const char* value) {
      const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
      EXPECT_TRUE(extension);
      X509_add_ext(made, extension.get(), -1);
    };
    extend(NID_basic_constraints, constraints);
    extend(NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    EXPECT_NE(X509_sign(made, key_.get(), EVP_sha256()), 0);
    return certificate;
  }

  void write(const std::string& name, X509* certificate, EVP_PKEY* key) const {
    const File out(BIO_new_file((folder_ + "/" + name + ".pem").c_str(), "w"));
    ASSERT_TRUE(out);
    ASSERT_EQ(PEM_write_bio_X509(out.get(), certificate), 1);
    if (key == nullptr) return;
    const File key_out(BIO_new_file((folder_ + "/" + name + ".key").c_str(), "w"));
    ASSERT_TRUE(key_out);
    ASSERT_EQ(PEM_write_bio_PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
              1);
  }

  std::string folder_;
  Key key_;
  Certificate certificate_;
  std::string file_;
};

}  // namespace estadio::test
