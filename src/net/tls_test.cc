// Reading certificates. The tests of http/'s server cover traffic over TLS.
#include "net/tls.h"

#include <fstream>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/c_deleter.h"
#include "base/test_folder.h"
#include "net/test_certificate.h"

namespace net {
namespace {

TEST(TlsContextTest, ABadCertificateOrKeyIsAnErrorThatNamesTheFile) {
  const base::test::TempFolder folder;
  const auto path = [&folder](std::string_view name) -> std::string { return folder / name; };
  std::ofstream(path("junk.pem")) << "junk";
  make_test_certificate(path("cert.pem"), path("key.pem"));
  make_test_certificate(path("other.pem"), path("other.key"));
  const auto message_of = [](const base::Result<TlsContext>& context) {
    return context ? "" : context.error().message();
  };
  const std::string missing = message_of(TlsContext::for_server(path("none.pem"), path("key.pem")));
  EXPECT_NE(missing.find("none.pem: No such file or directory"), std::string::npos) << missing;
  const std::string junk = message_of(TlsContext::for_server(path("junk.pem"), path("key.pem")));
  EXPECT_NE(junk.find("junk.pem: not in PEM form"), std::string::npos) << junk;
  const std::string junk_key =
      message_of(TlsContext::for_server(path("cert.pem"), path("junk.pem")));
  EXPECT_NE(junk_key.find("junk.pem"), std::string::npos) << junk_key;
  EXPECT_NE(
      message_of(TlsContext::for_server(path("cert.pem"), path("other.key"))).find("other.key"),
      std::string::npos);
  const std::string locked = path("locked.key");
  {
    const std::unique_ptr<EVP_PKEY, base::CDeleter<&EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
    const std::unique_ptr<BIO, base::CDeleter<&BIO_free>> out(BIO_new_file(locked.c_str(), "w"));
    const std::string phrase = "secret";
    ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(),
                                       reinterpret_cast<const unsigned char*>(phrase.data()),
                                       static_cast<int>(phrase.size()), nullptr, nullptr),
              1);
  }
  EXPECT_NE(message_of(TlsContext::for_server(path("cert.pem"), locked)).find("it is encrypted"),
            std::string::npos);
  EXPECT_NE(message_of(TlsContext::for_client({.ca_file = path("none.pem"), .verify = true}))
                .find("none.pem"),
            std::string::npos);
}

}  // namespace
}  // namespace net
